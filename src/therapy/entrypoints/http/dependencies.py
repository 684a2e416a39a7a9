"""What every handler can ask for by name: who asks, the desk, the language, jobs after the answer."""

from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide

from therapy.domain.access import Actor
from therapy.entrypoints.http.after_response import AfterResponse
from therapy.entrypoints.http.errors import language_of
from therapy.workflows.desk import Desk

Caller = NamedDependency[Actor]
AtDesk = NamedDependency[Desk]
Language = NamedDependency[str]
AfterResponseJobs = NamedDependency[AfterResponse]


def provide_desk(state: State) -> Desk:
    """The desk of this application."""
    desk: Desk = state.therapy.desk
    return desk


def provide_after_response(state: State) -> AfterResponse:
    """The jobs that run after answers."""
    after_response: AfterResponse = state.after_response
    return after_response


def provide_actor(request: Request[Actor, Any, Any]) -> Actor:
    """Who asks."""
    return request.user


def provide_language(request: Request[Any, Any, Any]) -> str:
    """What the client asks for, else its practice's language, else this installation's."""
    return language_of(request)


DEPENDENCIES = {
    "after_response": Provide(provide_after_response, sync_to_thread=False),
    "actor": Provide(provide_actor, sync_to_thread=False),
    "desk": Provide(provide_desk, sync_to_thread=False),
    "language": Provide(provide_language, sync_to_thread=False),
}
