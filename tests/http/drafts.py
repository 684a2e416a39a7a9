"""Steps that tests of drafts begin with: a draft is saved, read and changed as a client does."""

NEW = {"If-None-Match": "*"}


def path_of(session_id, more=""):
    return f"/sessions/{session_id}/draft{more}"


async def save(clinic, session_id, headers=NEW, lines=None, **changes):
    lines = await lines_of(clinic, session_id) if lines is None else lines
    body = {"base_version": 1, "lines": lines, "reviewed_to_ms": 0} | changes
    return await clinic.ask("PUT", path_of(session_id), json=body, headers=headers)


async def lines_of(clinic, session_id):
    answer = await clinic.get(f"/sessions/{session_id}/transcript")
    return answer.json()["lines"]


async def draft_of(clinic, session_id):
    answer = await clinic.get(path_of(session_id))
    assert answer.status_code == 200, answer.text
    return answer.json()


def having(answer):
    return {"If-Match": answer.headers["etag"]}


async def post(clinic, session_id, more, body, **headers):
    return await clinic.post(path_of(session_id, more), json=body, headers=headers)
