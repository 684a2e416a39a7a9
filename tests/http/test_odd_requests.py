"""Malformed JSON, wrong types, over-long values, NUL, long ids, unknown paths and methods: 4xx problems."""

import json
import re

import pytest
import pytest_asyncio

from tests.http.clinic import JORDAN, OLIVIA, PASSWORD, Clinic, check_problem, open_clinic

ROUTES = [
    ("POST", "/auth/login"),
    ("POST", "/auth/refresh"),
    ("POST", "/auth/change-password"),
    ("POST", "/devices/register"),
    ("PUT", "/data/transcript/some-id"),
    ("PATCH", "/sessions/some-id"),
    ("POST", "/sessions/some-id/patient-link"),
]
PLACES = [
    ("GET", "/sessions/{}"),
    ("GET", "/sessions/{}/details"),
    ("GET", "/sessions/{}/recording"),
    ("GET", "/sessions/{}/transcript"),
    ("HEAD", "/sessions/{}/recording"),
    ("POST", "/sessions/{}/recording-link"),
    ("POST", "/sessions/{}/retry"),
    ("DELETE", "/sessions/{}"),
    ("PATCH", "/sessions/{}"),
    ("POST", "/sessions/{}/patient-link"),
    ("GET", "/data/transcript/{}"),
    ("PUT", "/data/transcript/{}"),
    ("POST", "/devices/unregister/{}"),
    ("GET", "/sessions?before={}"),
    ("GET", "/sessions?state={}"),
    ("GET", "/sessions/me?before={}"),
    ("GET", "/sessions/search?query=a&before={}"),
    ("GET", "/profiles/search?query=a&before={}"),
    ("GET", "/data/pending?before={}"),
]
IDS = {
    "4,000 characters": "a" * 4_000,
    "NUL": "%00",
    "no UTF-8": "%ff%fe",
    "a surrogate": "%ed%a0%80",
    "dots": "%2e%2e%2f%2e%2e%2fetc",
    "SQL": "'%20OR%201=1%20--",
    "Hebrew": "שלום",
    "blank": "%20",
    "a NUL in an id": "abc%00def",
}
DEEP = b"[" * 150_000
FIELDS = (
    *("email", "password", "refreshToken", "tokenSec", "newPassword"),
    *("token", "platform", "user_id", "user_type", "patient_id", "summary", "session_date"),
)


def _everywhere(value: bytes) -> bytes:
    """An object with this value in every field that any route reads."""
    return b"{" + b", ".join(b'"%s": %s' % (name.encode(), value) for name in FIELDS) + b"}"


BODIES = {
    "no JSON": b"{",
    "no UTF-8": b'{"email": "\xff"}',
    "nothing": b"",
    "null": b"null",
    "list": b"[]",
    "list of lists": b"[[[]]]",
    "text": b'"x"',
    "number": b"1",
    "huge number": b"1e999999",
    "long number": b"9" * 5_000,
    "true": b"true",
    "wrong types": _everywhere(b"[1]"),
    "NUL": _everywhere(b'"\\u0000"'),
    "surrogates": _everywhere(b'"\\ud800"'),
    "too deep": DEEP,
    "deep in an unknown field": b'{"unknown": ' + DEEP,
    "form": b"email=a&password=b",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clinic(tmp_path_factory: pytest.TempPathFactory):
    async with open_clinic(tmp_path_factory.mktemp("odd")) as opened:
        yield opened


pytestmark = pytest.mark.asyncio(loop_scope="module")


def is_problem(answer) -> None:
    if answer.request.method == "HEAD":
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert 400 <= answer.status_code < 500
    else:
        check_problem(answer, answer.status_code)
        assert 400 <= answer.status_code < 500, answer.text


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_a_bad_body_is_refused_everywhere(clinic: Clinic, body):
    for method, path in ROUTES:
        for kind in ("application/json", "application/x-www-form-urlencoded", ""):
            headers = {"Content-Type": kind} if kind else {}
            is_problem(await clinic.ask(method, path, content=body, headers=headers))


async def test_a_body_that_is_too_large_is_refused(clinic: Clinic):
    body = json.dumps({"email": "x" * 9_000_000, "password": PASSWORD}).encode()
    check_problem(await clinic.post("/auth/login", None, content=body), 413, "too_large")


@pytest.mark.parametrize("odd", IDS.values(), ids=IDS)
async def test_an_odd_id_is_refused_or_not_found(clinic: Clinic, odd):
    for method, path in PLACES:
        body = {"PUT": [{"speaker": "Patient", "text": "a", "timestamp": "0:00:00.000"}]}
        sent = body.get(method, {"patient_id": "203948571"})
        for person in (OLIVIA, JORDAN):
            is_problem(await clinic.ask(method, path.format(odd), person, json=sent))


async def test_queries_of_any_kind_are_answered(clinic: Clinic):
    for odd in IDS.values():
        for path in ("/sessions/search", "/profiles/search"):
            answer = await clinic.get(f"{path}?query={odd}")
            assert answer.status_code in {200, 400}
            if answer.status_code == 400:
                check_problem(answer, 400, field="query")


@pytest.mark.parametrize(
    "query", ["email=a@b&email=c@d", "email=%00", "email=" + "a" * 4_000, "other=1"]
)
async def test_odd_addresses_are_answered_like_any_other(clinic: Clinic, query):
    answer = await clinic.post(f"/auth/forgot-password?{query}", None)
    assert answer.status_code in {200, 400}
    if answer.status_code == 400:
        check_problem(answer, 400, field="email")


UNKNOWN = [
    "/nope",
    "/api/v1/auth/login",
    "/sessions/a/b/c",
    "/schema/nope",
    "/schema/files/nope",
]


@pytest.mark.parametrize(
    "path", [*UNKNOWN, "/schema/files/%00", "/schema/files/" + "a" * 4_000, "/.git/config"]
)
async def test_an_unknown_path_is_not_found(clinic: Clinic, path):
    for person in (OLIVIA, None):
        check_problem(await clinic.get(path, person), 404, "not_found")


TOLD = {
    "no token": ("GET", "/sessions/me", None, {"Authorization", "Bearer"}),
    "a form": ("POST", "/auth/login", b"email=a&password=b", {"JSON"}),
    "another method": ("GET", "/auth/login", None, {"Allow"}),
    "a field is missing": ("POST", "/auth/login", b"{}", {"schema"}),
}


@pytest.mark.parametrize(("method", "path", "body", "words"), TOLD.values(), ids=TOLD)
async def test_who_does_not_know_the_api_is_told_what_to_send(
    clinic: Clinic, method, path, body, words
):
    problem = (await clinic.ask(method, path, None, content=body)).json()
    assert words <= {*re.findall(r"\w+", problem["detail"])}


@pytest.mark.parametrize("accept", ["text/html,*/*;q=0.8", "*/*"], ids=["a browser", "curl"])
async def test_the_start_page_leads_browsers_and_curl_to_the_documentation(clinic: Clinic, accept):
    for person in (OLIVIA, None):
        answer = await clinic.client.get("/", headers={"Accept": accept})
        assert (answer.status_code, answer.headers["location"]) == (307, "/schema")
        assert answer.headers["content-type"].startswith("text/plain")
        assert {"/schema", "/schema/openapi.json"} <= {*answer.text.split()}
        assert (await clinic.get(answer.headers["location"], person)).status_code == 200
    head = await clinic.client.head("/")
    assert (head.status_code, head.headers["location"], head.text) == (307, "/schema", "")
    check_problem(await clinic.post("/", OLIVIA), 405, "method_not_allowed")


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "TRACE", "PROPFIND", "FETCH", "get"])
async def test_an_unknown_method_is_refused_with_those_that_are_allowed(clinic: Clinic, method):
    answer = await clinic.ask(method, "/auth/login", None)
    check_problem(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer a.b.c", "Bearer \xff", "x" * 9_000]
)
async def test_an_odd_authorization_is_not_signed_in(clinic: Clinic, header):
    answer = await clinic.get(
        "/sessions/me", None, headers={"Authorization": header.encode("latin-1")}
    )
    check_problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["bytes=9-", "bytes=-0", "bytes=5-4", "bytes=99999999999999999-"]
)
async def test_a_range_that_is_not_there_is_416_with_the_length(clinic: Clinic, header):
    session_id = await clinic.session(summary=header)
    size = int((await clinic.get(f"/sessions/{session_id}/recording")).headers["content-length"])
    header = header.replace("9-", f"{size}-", 1) if header == "bytes=9-" else header
    answer = await clinic.get(f"/sessions/{session_id}/recording", headers={"Range": header})
    check_problem(answer, 416, "range")
    assert answer.headers["content-range"] == f"bytes */{size}"


@pytest.mark.parametrize("language", ["he", "iw", "fr", "*", "en;q=x", ";;;,", "x" * 5_000])
async def test_any_wish_for_a_language_is_answered_in_one_of_ours(clinic: Clinic, language):
    answer = await clinic.get("/sessions/me", None, headers={"Accept-Language": language})
    check_problem(answer, 401)
    assert answer.headers["content-language"] in {"en", "he"}
