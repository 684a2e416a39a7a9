"""Dependencies that handlers can ask for by name: the actor, the installation's parts, the language."""

from collections.abc import Callable
from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide

from therapy.domain.access import Actor
from therapy.entrypoints.http.after_response import AfterResponse
from therapy.entrypoints.http.client_address import provide_client_network
from therapy.entrypoints.http.errors import language_of
from therapy.entrypoints.http.idempotency_key import is_repeated
from therapy.ports.people_index import PeopleIndex
from therapy.ports.recordings import Recordings
from therapy.ports.session_index import SessionIndex
from therapy.repositories.records import Records
from therapy.workflows.authentication import SignIn
from therapy.workflows.followed_sessions import FollowedSessions
from therapy.workflows.intake import Intake
from therapy.workflows.searches import Searches
from therapy.workflows.waiting_list import WaitingList

Caller = NamedDependency[Actor]
ClientNetwork = NamedDependency[str]
Language = NamedDependency[str]
IsRepeated = NamedDependency[bool]
AfterResponseJobs = NamedDependency[AfterResponse]
RecordsDependency = NamedDependency[Records]
SessionIndexDependency = NamedDependency[SessionIndex]
PeopleIndexDependency = NamedDependency[PeopleIndex]
RecordingsDependency = NamedDependency[Recordings]
WaitingListDependency = NamedDependency[WaitingList]
SearchesDependency = NamedDependency[Searches]
FollowedSessionsDependency = NamedDependency[FollowedSessions]
IntakeDependency = NamedDependency[Intake]
SignInDependency = NamedDependency[SignIn]

PARTS = (
    "records",
    "session_index",
    "people_index",
    "recordings",
    "intake",
    "waiting_list",
    "searches",
    "sign_in",
)
"""Attributes of `workflows.installation.Installation` that handlers can ask for by their names."""


def provide_part(name: str) -> Provide:
    """Return the provider of a part of the running installation."""

    def part(state: State) -> Any:
        return getattr(state.therapy.installation, name)

    return Provide(part, sync_to_thread=False)


def provide_after_response(state: State) -> AfterResponse:
    """Return the jobs that run after answers."""
    after_response: AfterResponse = state.after_response
    return after_response


def provide_followed_sessions(state: State) -> FollowedSessions:
    """Return everybody who follows sessions in this process."""
    followed: FollowedSessions = state.therapy.installation.followed_sessions
    return followed


def provide_actor(request: Request[Actor, Any, Any]) -> Actor:
    """Return who is asking."""
    return request.user


def provide_language(request: Request[Any, Any, Any]) -> str:
    """Return the language that the client asks for, else its practice's, else this installation's."""
    return language_of(request)


def _provided(function: Callable[..., Any]) -> Provide:
    return Provide(function, sync_to_thread=False)


DEPENDENCIES = {
    "actor": _provided(provide_actor),
    "after_response": _provided(provide_after_response),
    "client_network": _provided(provide_client_network),
    "followed": _provided(provide_followed_sessions),
    "is_repeated": _provided(is_repeated),
    "language": _provided(provide_language),
    **{name: provide_part(name) for name in PARTS},
}
