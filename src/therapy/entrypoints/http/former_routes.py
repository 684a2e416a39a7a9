"""The paths under which programs up to commit 49e7ce41 store requests that have an Idempotency-Key.

They look for them there while they run beside this program, and a day's keys are there after an upgrade. They
do not change any more, whatever the paths are called by now, and no operation is added: of others they would
look under the path as it is. Once no such program has been in use for a day, this file goes, and with it
`route` of `KeyedRequest`.
"""

from collections.abc import Mapping

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

FORMER_ROUTES: Mapping[str, str] = {
    "create_upload": "/uploads",
    "register_device": "/devices/register",
    "unregister_devices": "/devices/unregister/{user_id}",
    "upload_recording": "/sessions/upload",
    **{name: f"/sessions/{{session_id}}/{path}" for name, path in _OF_A_SESSION.items()},
}
"""By the name of the operation."""
