"""The names under which requests with an Idempotency-Key are stored: one for each operation, which stays.

A new operation's name is its `operation_id`. Programs up to commit 49e7ce41 stored the template of the path.
They run beside this program during a deploy, and must find a key under the name that they know: so the
operations of that time keep that name, whatever their paths and parameters are called by now.
"""

from collections.abc import Mapping

from litestar.types import Scope

_OF_A_SESSION = {
    "amend_transcript": "amendments",
    "change_draft_lines": "draft/lines",
    "change_draft_speakers": "draft/speakers",
    "link_patient": "patient-link",
    "make_playback_link": "playback-link",
    "make_recording_link": "recording-link",
    "replace_in_draft": "draft/replace",
    "rerun_session": "rerun",
    "restore_version": "restore",
    "retry_session": "retry",
    "submit_transcript": "submit",
}

FORMER_NAMES: Mapping[str, str] = {
    "create_upload": "/uploads",
    "register_device": "/devices/register",
    "unregister_devices": "/devices/unregister/{user_id}",
    "upload_recording": "/sessions/upload",
    **{name: f"/sessions/{{session_id}}/{path}" for name, path in _OF_A_SESSION.items()},
}
"""By `operation_id`. Nothing is added, and nothing changes but that an operation may be removed."""


def operation_name(scope: Scope) -> str:
    """Return the name under which a request is stored.

    Of a handler without an `operation_id` it is the template of its path: renaming that loses its keys.
    """
    operation_id: object = getattr(scope["route_handler"], "operation_id", None)
    if not isinstance(operation_id, str):
        return scope["path_template"]
    return FORMER_NAMES.get(operation_id, operation_id)
