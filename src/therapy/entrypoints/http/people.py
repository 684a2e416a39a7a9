"""/devices and /profiles: where a person's pushes go, and who people are."""

from typing import Annotated

from litestar import Router, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter

from therapy.domain.people import Person
from therapy.entrypoints.http.given import AtDesk, Caller
from therapy.entrypoints.http.wire import DeviceRequest, Profile, iso
from therapy.workflows import identity


@post("/register", status_code=204)
async def register(data: JSONBody[DeviceRequest], actor: Caller, desk: AtDesk) -> None:
    """Register this device for the caller's pushes, as long as this login lasts."""
    await identity.register_device(
        actor, data.token, platform=data.platform, user_id=data.user_id, desk=desk
    )


@post("/unregister/{user_id:str}", status_code=204)
async def unregister(
    user_id: Annotated[str, PathParameter(max_length=200)], actor: Caller, desk: AtDesk
) -> None:
    """Remove the devices of this login; all of the caller's, if this login has none."""
    await identity.unregister_devices(actor, user_id, desk=desk)


@get("/me")
async def me(actor: Caller, desk: AtDesk) -> Profile:
    """Give the caller's own profile."""
    return _profile(await identity.profile(actor, desk=desk))


@get("/search")
async def search(
    actor: Caller,
    desk: AtDesk,
    wanted: Annotated[str, QueryParameter(name="query", max_length=200)] = "",
    before: Annotated[str, QueryParameter(name="before", max_length=200)] = "",
) -> list[Profile]:
    """Find patients by a part of their name, e-mail or number; `before` is the id of the last one seen."""
    found = await identity.find_patients(actor, wanted, before, desk=desk)
    return [_profile(person) for person in found]


def _profile(person: Person) -> Profile:
    return Profile(
        id=person.public_id,
        full_name=person.full_name,
        email=person.email,
        date_of_birth=iso(person.date_of_birth),
        picture_url=person.picture_url or None,
    )


routers = [
    Router("/devices", route_handlers=[register, unregister], tags=["devices"]),
    Router("/profiles", route_handlers=[me, search], tags=["profiles"]),
]
