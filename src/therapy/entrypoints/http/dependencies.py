"""Dependencies that handlers can ask for by name: the actor, the installation's parts, the language."""

from typing import Any

from litestar import Request
from litestar.di import NamedDependency, Provide

from therapy.domain.access import Actor
from therapy.entrypoints.http.after_response import AfterResponse
from therapy.entrypoints.http.client_address import provide_client_network
from therapy.entrypoints.http.direct_dependencies import Provider
from therapy.entrypoints.http.errors import language_of
from therapy.entrypoints.http.idempotency_key import is_repeated
from therapy.ports.people_index import PeopleIndex
from therapy.ports.recordings import Recordings
from therapy.ports.session_index import SessionIndex
from therapy.repositories.records import Records
from therapy.workflows.authentication import SignIn
from therapy.workflows.engines import Engines
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
EnginesDependency = NamedDependency[Engines]
IntakeDependency = NamedDependency[Intake]
SignInDependency = NamedDependency[SignIn]

PARTS = (
    "records",
    "session_index",
    "people_index",
    "recordings",
    "engines",
    "intake",
    "waiting_list",
    "searches",
    "sign_in",
)
"""Attributes of `workflows.installation.Installation` that handlers can ask for by their names."""


def part_of(name: str) -> Provider:
    """Return the provider of a part of the running installation."""

    def part(request: Request[Any, Any, Any]) -> Any:
        return getattr(request.app.state.therapy.installation, name)

    return part


def provide_after_response(request: Request[Any, Any, Any]) -> AfterResponse:
    """Return the jobs that run after answers."""
    after_response: AfterResponse = request.app.state.after_response
    return after_response


def provide_followed_sessions(request: Request[Any, Any, Any]) -> FollowedSessions:
    """Return everybody who follows sessions in this process."""
    followed: FollowedSessions = request.app.state.therapy.installation.followed_sessions
    return followed


def provide_actor(request: Request[Actor, Any, Any]) -> Actor:
    """Return who is asking."""
    return request.user


PROVIDERS: dict[str, Provider] = {
    "actor": provide_actor,
    "after_response": provide_after_response,
    "client_network": provide_client_network,
    "followed": provide_followed_sessions,
    "is_repeated": is_repeated,
    "language": language_of,
    **{name: part_of(name) for name in PARTS},
}

DEPENDENCIES = {name: Provide(each, sync_to_thread=False) for name, each in PROVIDERS.items()}
