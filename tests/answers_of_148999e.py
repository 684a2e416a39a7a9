"""Answers of 148999e as this program words them: dates, new fields, sentences; all else is compared."""

import re
from typing import Any

from therapy.domain.messages import advice, sentence

NEW_MEASURES = {
    "partial": False,
    "missing": [],
    "remarks": [],
    "coverage": None,
    "doubtful_lines": [],
}
"""What `heard` has since then, of a recording about which nothing of it is known."""

DAY_FIRST = re.compile(r"(\d\d)-(\d\d)-(\d{4})")


def as_worded_now(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer of 148999e as this program gives it where nothing has changed but its wording."""
    return _with_new_sentences(_with_new_measures(_with_iso_dates(answer)))


def _with_iso_dates(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer of 148999e with dates of `/sessions` as spelt now, and with the new fields."""
    path, body = answer["path"], answer.get("body")
    if not isinstance(body, dict) or not re.fullmatch(r"/sessions(/[^/]+)?", path):
        return answer
    if "sessions" in body:
        listed = [each | _dates(each) for each in body["sessions"]]
        return answer | {"body": body | {"sessions": listed}}
    patient = body["patient"]
    part = {"part": 1, "bytes": body["recording_bytes"], "type": body["recording_type"]}
    new = _dates(body) | {"session_date_assumed": False, "hints": [], "recordings": [part]}
    found = (body["heard"] or {}).get("insights")
    new |= {"insights": "ready" if found else "absent", "insights_failure": None}
    follows = body["state"] in {"awaiting_transcript", "transcribing"}
    new |= {"playback": "pending" if follows else "absent", "playback_failure": None}
    new |= {"amendment": None, "rerun": None}
    return answer | {"body": body | new | {"patient": patient | _dates(patient)}}


def _with_new_measures(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer of 148999e with what is said of a recording by now, and was not found out then."""
    if isinstance(body := answer.get("body"), dict) and body.get("heard"):
        return answer | {"body": body | {"heard": body["heard"] | NEW_MEASURES}}
    return answer


def _dates(fields: dict[str, Any]) -> dict[str, Any]:
    names = ("session_date", "date_of_birth")
    return {name: DAY_FIRST.sub(r"\3-\2-\1", fields[name]) for name in names if fields.get(name)}


def _with_new_sentences(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer of 148999e with the sentences about a failure as they are worded now."""
    body = answer.get("body")
    if not isinstance(body, dict) or not body.get("failure"):
        return answer
    code, language = body["failure"]["code"], "en" if body["failure"]["reason"].isascii() else "he"
    failure = {"code": code, "reason": sentence(code, language), "advice": advice(code, language)}
    return answer | {"body": body | {"failure": failure}}
