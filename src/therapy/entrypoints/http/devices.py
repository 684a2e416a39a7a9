"""/devices: where a person's pushes go."""

from typing import Annotated

from litestar import Router, post
from litestar.params import JSONBody, PathParameter
from msgspec import Meta, Struct

from therapy.entrypoints.http.dependencies import Caller, RecordsDependency
from therapy.entrypoints.http.schema_types import NO_NUL, Short
from therapy.workflows import devices


class DeviceRequest(Struct):
    token: Annotated[str, Meta(min_length=1, max_length=4_096, pattern=NO_NUL)]
    platform: Short
    user_id: Short
    user_type: Short


@post("/register", status_code=204)
async def register(
    data: JSONBody[DeviceRequest], actor: Caller, records: RecordsDependency
) -> None:
    """Register this device for the caller's pushes, as long as this login lasts."""
    await devices.register_device(
        actor, data.token, platform=data.platform, user_id=data.user_id, records=records
    )


@post("/unregister/{user_id:str}", status_code=204)
async def unregister(
    user_id: Annotated[str, PathParameter(max_length=200)],
    actor: Caller,
    records: RecordsDependency,
) -> None:
    """Remove the devices of this login; all of the caller's, if this login has none."""
    await devices.unregister_devices(actor, user_id, records=records)


router = Router("/devices", route_handlers=[register, unregister], tags=["devices"])
