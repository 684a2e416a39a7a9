"""/devices: where a person's pushes go."""

from typing import Annotated

from litestar import Router, post
from litestar.openapi.spec import Example
from litestar.params import JSONBody, PathParameter
from msgspec import Meta, Struct

from therapy.entrypoints.http.dependencies import Caller, RecordsDependency
from therapy.entrypoints.http.problem_answers import JSON_BODY, SIGNED_IN, WRITES, problems
from therapy.entrypoints.http.schema_types import NO_NUL, Short, about
from therapy.workflows import devices


class DeviceRequest(Struct):
    """A device, and whose it is."""

    token: Annotated[
        str,
        about("The registration token of Firebase Cloud Messaging.", "invented-fcm-token"),
        Meta(min_length=1, max_length=4_096, pattern=NO_NUL),
    ]
    platform: Annotated[Short, about("`ANDROID`, `IOS` or any other text.", "ANDROID")]
    user_id: Annotated[Short, about("The caller's own id.", "therapist-robin")]
    user_type: Annotated[Short, about("What the caller is; not used.", "THERAPIST")]


@post(
    "/register",
    status_code=204,
    operation_id="register_device",
    summary="Register a device for pushes",
    response_description="Registered.",
    responses=problems(*SIGNED_IN, *JSON_BODY, "not_caller", *WRITES, field="token"),
)
async def register(
    data: JSONBody[DeviceRequest], actor: Caller, records: RecordsDependency
) -> None:
    """Send the caller's pushes to this device, as long as this login lasts.

    For whoever is signed in. The same device sent again is no second one; registered by somebody else,
    it is theirs.
    """
    await devices.register_device(
        actor, data.token, platform=data.platform, user_id=data.user_id, records=records
    )


@post(
    "/unregister/{user_id:str}",
    status_code=204,
    operation_id="unregister_devices",
    summary="Send no more pushes",
    response_description="Nothing is registered for this login any more.",
    responses=problems(
        *SIGNED_IN, "invalid", "not_caller", "not_registered", *WRITES, field="user_id"
    ),
)
async def unregister(
    user_id: Annotated[
        str,
        PathParameter(
            max_length=200,
            description="The caller's own id.",
            examples=[Example(value="therapist-robin")],
        ),
    ],
    actor: Caller,
    records: RecordsDependency,
) -> None:
    """Remove the devices of this login; all of the caller's, if this login has none.

    For whoever is signed in, and their own devices only. Sent again, it is 404: nothing is left.
    """
    await devices.unregister_devices(actor, user_id, records=records)


router = Router("/devices", route_handlers=[register, unregister], tags=["devices"])
