"""Who may do what with a session: every route with an id, for everybody; absent and not yours look alike."""

import json
from typing import Any

import pytest
import pytest_asyncio

from tests.http.clinic import (
    ALEX,
    JAMIE,
    JORDAN,
    NOA,
    OLIVIA,
    TAL,
    Clinic,
    check_problem,
    open_clinic,
)
from therapy.domain.people import Person

STRANGERS = {
    "another therapist": ALEX,
    "another patient": JAMIE,
    "a therapist of another practice": NOA,
    "a patient with this number in another practice": TAL,
}
LINE = {"speaker": "Patient", "text": "a", "timestamp": "0:00:00.000"}
EDITED = [{"start_ms": 0, "speaker": "Patient", "text": "a"}]
ROUTES: dict[str, tuple[str, str, Any]] = {
    "state": ("GET", "/sessions/{}", None),
    "details": ("GET", "/sessions/{}/details", None),
    "recording": ("GET", "/sessions/{}/recording", None),
    "recording head": ("HEAD", "/sessions/{}/recording", None),
    "recording link": ("POST", "/sessions/{}/recording-link", None),
    "transcript": ("GET", "/data/transcript/{}", None),
    "transcript in force": ("GET", "/sessions/{}/transcript", None),
    "submission": ("PUT", "/data/transcript/{}", [LINE]),
    "correction": ("PATCH", "/sessions/{}", {"summary": "mine"}),
    "link": ("POST", "/sessions/{}/patient-link", {"patient_id": JAMIE.number}),
    "undoing the link": ("DELETE", "/sessions/{}/patient-link", None),
    "retry": ("POST", "/sessions/{}/retry", None),
    "cancelling": ("DELETE", "/sessions/{}", None),
    "versions": ("GET", "/sessions/{}/versions", None),
    "version": ("GET", "/sessions/{}/versions/1", None),
    "difference": ("GET", "/sessions/{}/versions/1/diff?to=1", None),
    "submission with a version": ("POST", "/sessions/{}/submit", {"lines": EDITED}),
    "amendment": ("POST", "/sessions/{}/amendments", {"reason": "a", "lines": EDITED}),
    "restoring": ("POST", "/sessions/{}/restore", {"version": 1}),
    "rerun": ("POST", "/sessions/{}/rerun", None),
    "draft": ("GET", "/sessions/{}/draft", None),
    "saving a draft": ("PUT", "/sessions/{}/draft", {"base_version": 1, "lines": EDITED}),
    "discarding a draft": ("DELETE", "/sessions/{}/draft", None),
    "speakers of a draft": ("POST", "/sessions/{}/draft/speakers", {"swap": True}),
    "lines of a draft": ("POST", "/sessions/{}/draft/lines", {"merge": [0, 1]}),
    "replacing in a draft": (
        "POST",
        "/sessions/{}/draft/replace",
        {"find": "a", "replace_with": "b"},
    ),
    "playback": ("GET", "/sessions/{}/playback", None),
    "playback head": ("HEAD", "/sessions/{}/playback", None),
    "playback link": ("POST", "/sessions/{}/playback-link", None),
    "peaks": ("GET", "/sessions/{}/peaks", None),
    "peaks head": ("HEAD", "/sessions/{}/peaks", None),
    "events": ("GET", "/sessions/{}/events", None),
}
IF_MATCH = {"If-Match": '"1"'}
HEADERS = {
    "submission with a version": IF_MATCH,
    "amendment": IF_MATCH,
    "saving a draft": {"If-None-Match": "*"},
}
STATES = ["waiting", "in review", "closed"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Sessions(dict[str, str]):
    """A session of Olivia with Jordan in each state, and the clinic they are in."""

    clinic: Clinic


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sessions(tmp_path_factory: pytest.TempPathFactory):
    async with open_clinic(tmp_path_factory.mktemp("access")) as clinic:
        found = Sessions(closed=await clinic.closed())
        found["in review"] = await clinic.reviewable(summary="b")
        found["waiting"] = await clinic.session(summary="c")
        found.clinic = clinic
        yield found


async def ask(clinic: Clinic, route: str, session_id: str, person: Person | None):
    method, path, body = ROUTES[route]
    headers = HEADERS.get(route, {})
    return await clinic.ask(method, path.format(session_id), person, json=body, headers=headers)


def alike(answer, session_id: str) -> tuple[object, ...]:
    """What an answer tells, but for the id that was asked for and the request's own."""
    text = answer.text.replace(session_id, "ID")
    body = json.loads(text) | {"request_id": ""} if text else {}
    kept = ("content-type", "cache-control", "content-language", "etag", "accept-ranges")
    return answer.status_code, body, [answer.headers.get(name) for name in kept]


async def check_all_look_absent(sessions: Sessions, route: str, person: Person) -> None:
    """Assert that somebody is answered the same of a session in each state as of one that there is not."""
    absent = "0" * 32
    nowhere = await ask(sessions.clinic, route, absent, person)
    for state in STATES:
        there = await ask(sessions.clinic, route, sessions[state], person)
        assert there.status_code == 404, state
        assert alike(there, sessions[state]) == alike(nowhere, absent), state


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
async def test_what_is_not_yours_looks_like_what_is_not_there(sessions, route, stranger):
    await check_all_look_absent(sessions, route, stranger)


@pytest.mark.parametrize("route", [each for each in ROUTES if each != "details"])
async def test_a_sessions_patient_may_do_nothing_but_read_its_details(sessions, route):
    await check_all_look_absent(sessions, route, JORDAN)


async def test_a_sessions_patient_reads_its_details_once_it_is_closed(sessions):
    for state, status in (("waiting", 404), ("in review", 404), ("closed", 200)):
        answer = await ask(sessions.clinic, "details", sessions[state], JORDAN)
        assert answer.status_code == status


@pytest.mark.parametrize("route", ROUTES)
async def test_without_a_token_nobody_learns_anything(sessions, route):
    there = await ask(sessions.clinic, route, sessions["closed"], None)
    nowhere = await ask(sessions.clinic, route, "0" * 32, None)
    assert there.status_code == 401
    assert alike(there, sessions["closed"]) == alike(nowhere, "0" * 32)


async def test_the_therapist_may_read_everything(sessions):
    for route in ("state", "recording", "recording head"):
        for state in STATES:
            assert (await ask(sessions.clinic, route, sessions[state], OLIVIA)).status_code == 200
    assert (await ask(sessions.clinic, "details", sessions["closed"], OLIVIA)).status_code == 200
    for route, state, status in (
        ("transcript", "in review", 200),
        ("transcript in force", "in review", 200),
        ("transcript in force", "closed", 200),
        ("transcript in force", "waiting", 409),
    ):
        answer = await ask(sessions.clinic, route, sessions[state], OLIVIA)
        assert answer.status_code == status, (route, state)


ONES_OWN = [
    ("GET", "/profiles/me", (OLIVIA, JORDAN)),
    ("GET", "/profiles/search?query=a", (OLIVIA,)),
    ("GET", "/sessions", (OLIVIA,)),
    ("GET", "/sessions/me", (OLIVIA, JORDAN)),
    ("GET", "/sessions/search?query=a", (OLIVIA,)),
    ("GET", "/data/pending", (OLIVIA,)),
]


@pytest.mark.parametrize(
    ("method", "path", "allowed"), ONES_OWN, ids=[each[1] for each in ONES_OWN]
)
async def test_lists_are_for_their_role_and_for_nobody_without_a_token(
    sessions, method, path, allowed
):
    for person in (OLIVIA, JORDAN):
        answer = await sessions.clinic.ask(method, path, person)
        assert answer.status_code == (200 if person in allowed else 403)
    check_problem(await sessions.clinic.ask(method, path, None), 401, "not_signed_in")


async def test_nothing_of_a_session_is_in_any_list_of_a_stranger(sessions):
    for stranger in STRANGERS.values():
        for method, path, _ in ONES_OWN:
            answer = await sessions.clinic.ask(
                method, path.replace("query=a", "query=jordan"), stranger
            )
            for session_id in sessions.values():
                assert session_id not in answer.text
        if stranger is not ALEX:  # a colleague finds the patient, but not the session
            answer = await sessions.clinic.get("/profiles/search?query=jordan", stranger)
            assert "jordan" not in answer.text.lower()


async def test_every_route_with_an_id_is_in_this_matrix(sessions):
    document = (await sessions.clinic.get("/schema/openapi.json", None)).json()
    with_ids = {
        (method.upper(), path.replace("{session_id}", "{}").replace("{number}", "1"))
        for path, methods in document["paths"].items()
        for method in methods
        if "{session_id}" in path
    }
    assert with_ids == {(method, path.partition("?")[0]) for method, path, _ in ROUTES.values()}


async def test_an_altered_foreign_or_expired_token_is_refused(sessions):
    import base64
    from datetime import timedelta

    clinic = sessions.clinic
    good = clinic.token(OLIVIA)
    head, body, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    forged = (
        base64.urlsafe_b64encode(json.dumps(claims | {"sub": ALEX.id}).encode())
        .rstrip(b"=")
        .decode()
    )
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    from therapy.domain.access import Actor

    actor = Actor(OLIVIA.id, OLIVIA.role, OLIVIA.practice_id, "login-1")
    tokens, yesterday = clinic.installation.sign_in.tokens, clinic.records.now() - timedelta(days=1)
    old, _ = tokens.issue(actor, now=yesterday)
    for token in (f"{head}.{forged}.{signature}", f"{unsigned}.{body}.", f"{head}.{body}.", old):
        answer = await clinic.get(
            "/profiles/me", None, headers={"Authorization": f"Bearer {token}"}
        )
        check_problem(answer, 401)
    assert (
        await clinic.get("/profiles/me", None, headers={"Authorization": f"Bearer {good}"})
    ).status_code == 200
