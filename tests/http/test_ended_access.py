"""Access that has ended: what an app that is still running is told, on every route that it tries."""

from tests.builders import a_wav
from tests.http.clinic import (
    BOUNDARY,
    OLIVIA,
    PASSWORD,
    SOUND,
    Clinic,
    check_problem,
    form,
    metadata_of,
)
from therapy.workflows import account_changes, new_passwords

DEVICE = {"token": "fcm", "platform": "ANDROID", "user_id": OLIVIA.id, "user_type": "THERAPIST"}


async def log_in(clinic: Clinic, password: str = PASSWORD):
    body = {"email": OLIVIA.email, "password": password}
    return await clinic.post("/auth/login", None, json=body)


def bearing(login: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {login['token']}"}


async def set_password(clinic: Clinic) -> None:
    hashed = await clinic.installation.sign_in.passwords.hash("another long one")
    await new_passwords.set_password(OLIVIA, hashed, records=clinic.records)


async def test_tokens_of_before_a_new_password_are_refused(clinic):
    login = (await log_in(clinic)).json()
    await set_password(clinic)
    check_problem(
        await clinic.get("/profiles/me", None, headers=bearing(login)), 401, "not_signed_in"
    )
    body = {"refreshToken": login["refreshToken"]}
    check_problem(await clinic.post("/auth/refresh", None, json=body), 401, "not_signed_in")
    check_problem(await log_in(clinic), 401, "wrong_credentials")


async def test_a_token_that_a_process_saw_a_moment_ago_registers_no_device_and_begins_no_session(
    clinic,
):
    login = (await log_in(clinic)).json()
    headers = bearing(login)
    assert (await clinic.get("/profiles/me", None, headers=headers)).status_code == 200
    await set_password(clinic)
    check_problem(await clinic.post("/devices/register", None, json=DEVICE, headers=headers), 401)
    form_type = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    body = form(a_wav(SOUND), metadata_of())
    sent = await clinic.post("/sessions/upload", None, content=body, headers=headers | form_type)
    check_problem(sent, 401, "not_signed_in")
    fresh = (await log_in(clinic, "another long one")).json()
    answer = await clinic.post(f"/devices/unregister/{OLIVIA.id}", None, headers=bearing(fresh))
    check_problem(answer, 404, "not_registered")
    assert (await clinic.get("/data/pending", None, headers=bearing(fresh))).json() == []


async def test_a_disabled_account_is_answered_as_a_wrong_password_is(clinic):
    wrong = (await log_in(clinic, "a wrong long one")).json()
    login = (await log_in(clinic)).json()
    await account_changes.disable(OLIVIA.email, records=clinic.records)
    check_problem(await clinic.get("/sessions/me", None, headers=bearing(login)), 401)
    refused = await log_in(clinic)
    assert refused.status_code == 401
    said = {name: text for name, text in refused.json().items() if name != "request_id"}
    assert said == {name: text for name, text in wrong.items() if name != "request_id"}
