"""The mobile contract: signing in, staying signed in, forgotten passwords."""

import asyncio
import re
from collections import Counter
from typing import Any

import pytest

from tests.http.clinic import JORDAN, OLIVIA, PASSWORD, Clinic, check_problem, open_clinic
from therapy.adapters.local.mail import sent_letters
from therapy.domain.errors import InvalidInput, TherapyError, Unavailable
from therapy.entrypoints.http.after_response import MOST
from therapy.entrypoints.logs import JsonLines
from therapy.ports.mail import Letter, Mail
from therapy.repositories.records import UNATTACHED
from therapy.workflows.devices import devices_of
from therapy.workflows.reset_letters import ask_for_letter


async def log_in(clinic: Clinic, email: str = OLIVIA.email, password: str = PASSWORD) -> Any:
    return await clinic.post("/auth/login", None, json={"email": email, "password": password})


async def mailed_token(clinic: Clinic, email: str = OLIVIA.email) -> str:
    await clinic.post("/auth/forgot-password", None, params={"email": email})
    letter = sent_letters(clinic.settings.data_dir / "mailbox")[-1]
    assert letter.to == email
    found = re.search(r"^\S{30,}$", letter.body, re.MULTILINE)
    assert found
    return found[0]


@pytest.mark.parametrize("email", [OLIVIA.email, OLIVIA.email.upper(), f" {OLIVIA.email.lower()} "])
async def test_a_therapist_signs_in_with_the_address_in_any_case(clinic, email):
    answer = await log_in(clinic, email)
    assert answer.status_code == 200
    told = answer.json()
    assert set(told) == {
        "token",
        "refreshToken",
        "userId",
        "userFullName",
        "userType",
        "dateOfBirth",
    }
    assert told["userType"] == "THERAPIST"
    assert told["userId"] == OLIVIA.id
    assert told["userFullName"] == "Olivia Hayes"
    assert told["dateOfBirth"] is None


async def test_a_patient_signs_in_with_number_and_birthday_as_the_app_reads_them(clinic):
    told = (await log_in(clinic, JORDAN.email)).json()
    assert told["userType"] == "PATIENT"
    assert told["userId"] == "203948571"
    assert told["dateOfBirth"] == "07-05-1990"


@pytest.mark.parametrize("missing", ["email", "password"])
@pytest.mark.parametrize("how", ["absent", "empty"])
async def test_a_login_without_a_field_names_it(clinic, missing, how):
    body = {"email": OLIVIA.email, "password": PASSWORD}
    body = (
        body | {missing: ""} if how == "empty" else {n: v for n, v in body.items() if n != missing}
    )
    answer = await clinic.post("/auth/login", None, json=body)
    check_problem(answer, 400, "required", missing)


async def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(clinic):
    wrong = check_problem(await log_in(clinic, password="not this one"), 401)
    unknown = check_problem(await log_in(clinic, "nobody@example.health"), 401)
    assert wrong | {"request_id": ""} == unknown | {"request_id": ""}


async def test_a_password_longer_than_72_bytes_is_just_wrong(clinic):
    check_problem(await log_in(clinic, password="p" * 200), 401)


async def test_the_app_refreshes_with_json(clinic):
    told = (await log_in(clinic)).json()
    answer = await clinic.post("/auth/refresh", None, json={"refreshToken": told["refreshToken"]})
    assert answer.status_code == 200
    fresh = answer.json()
    assert set(fresh) == {"accessToken", "refreshToken", "expiresIn"}
    assert fresh["expiresIn"] > 60
    assert fresh["refreshToken"] != told["refreshToken"]
    headers = {"Authorization": f"Bearer {fresh['accessToken']}"}
    assert (await clinic.get("/profiles/me", None, headers=headers)).status_code == 200


async def test_older_scripts_refresh_with_the_header_and_an_empty_body(clinic):
    told = (await log_in(clinic)).json()
    headers = {"Authorization": f"Bearer {told['refreshToken']}"}
    answer = await clinic.post("/auth/refresh", None, headers=headers)
    assert answer.status_code == 200
    again = {"Authorization": f"Bearer {answer.json()['refreshToken']}"}
    assert (await clinic.post("/auth/refresh", None, headers=again)).status_code == 200


async def test_a_lost_answer_to_a_refresh_is_given_again(clinic):
    token = (await log_in(clinic)).json()["refreshToken"]
    both = await asyncio.gather(
        *(clinic.post("/auth/refresh", None, json={"refreshToken": token}) for _ in range(2))
    )
    assert [each.status_code for each in both] == [200, 200]
    assert both[0].json()["refreshToken"] == both[1].json()["refreshToken"]


@pytest.mark.parametrize("token", ["", "unknown", "x" * 4_000])
async def test_an_unknown_refresh_token_is_refused_with_what_to_do(clinic, token):
    refused = await clinic.post("/auth/refresh", None, json={"refreshToken": token})
    check_problem(refused, 401)
    assert "refresh token was refused: POST /auth/login" in refused.json()["detail"]


async def test_an_access_token_is_no_refresh_token_and_the_other_way_round(clinic):
    told = (await log_in(clinic)).json()
    swapped = await clinic.post("/auth/refresh", None, json={"refreshToken": told["token"]})
    check_problem(swapped, 401)
    headers = {"Authorization": f"Bearer {told['refreshToken']}"}
    check_problem(await clinic.get("/profiles/me", None, headers=headers), 401)


async def test_forgotten_passwords_get_one_answer_whoever_asks(clinic):
    known = await clinic.post("/auth/forgot-password", None, params={"email": OLIVIA.email})
    unknown = await clinic.post("/auth/forgot-password", None, params={"email": "no@example.org"})
    assert known.status_code == unknown.status_code == 200
    assert known.json() == unknown.json()
    assert set(known.json()) == {"success", "message"}
    assert known.json()["success"] is True
    assert len(sent_letters(clinic.settings.data_dir / "mailbox")) == 1


async def test_the_letters_with_tokens_are_gone_once_the_password_is_changed(clinic):
    mailbox = clinic.settings.data_dir / "mailbox"
    await mailed_token(clinic)
    await mailed_token(clinic, JORDAN.email)
    token = await mailed_token(clinic)
    assert len(sent_letters(mailbox)) == 3
    body = {"tokenSec": token, "newPassword": "another horse 43"}
    assert (await clinic.post("/auth/change-password", None, json=body)).status_code == 200
    assert [each.to for each in sent_letters(mailbox)] == [JORDAN.email]


class Refusing(Mail):
    """A mail server that takes nothing."""

    def __init__(self, error: TherapyError) -> None:
        self.error = error

    async def send(self, practice_id: str, letter: Letter) -> None:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [Unavailable(reason="login", status=535), InvalidInput("to", status=550)],
    ids=lambda error: error.code,
)
async def test_a_mail_that_is_refused_is_for_the_log_only(tmp_path, caplog, error):
    async with open_clinic(tmp_path, mail=Refusing(error)) as clinic:
        ask = {"email": OLIVIA.email}
        known = await clinic.post("/auth/forgot-password", None, params=ask)
        unknown = await clinic.post(
            "/auth/forgot-password", None, params={"email": "no@example.org"}
        )
    assert (known.status_code, known.json()) == (200, unknown.json())
    (line,) = [each for each in caplog.records if each.getMessage() == "a mail was not sent"]
    assert line.why == str(error)
    assert OLIVIA.email not in JsonLines().format(line)


class Slow(Mail):
    """A mail server that takes for ever."""

    def __init__(self) -> None:
        self.asked = 0

    async def send(self, practice_id: str, letter: Letter) -> None:
        self.asked += 1
        await asyncio.Event().wait()


MANY = {"THERAPY_RESET_LETTERS": "100000", "THERAPY_RESET_LETTERS_ADDRESS": "100000"}


async def test_letters_that_are_being_sent_are_bounded_and_the_rest_is_sent_later(tmp_path, caplog):
    mail = Slow()
    async with open_clinic(tmp_path, environment=MANY, mail=mail) as clinic:
        for _ in range(MOST + 5):
            answer = await clinic.client.post(
                "/auth/forgot-password", params={"email": OLIVIA.email}
            )
            assert answer.status_code == 200
        async with asyncio.timeout(60):
            while mail.asked < MOST:  # noqa: ASYNC110 - letters begin by themselves
                await asyncio.sleep(0.01)
        waiting = await clinic.records.outbox.pending(UNATTACHED)
    told = [each for each in caplog.records if each.getMessage() == "a mail was not sent"]
    assert Counter(each.why for each in told) == {"stopped": MOST}
    assert len(waiting) == MOST + 5


@pytest.mark.slow
async def test_a_letter_outlives_the_program_that_was_asked_for_it(tmp_path):
    async with open_clinic(tmp_path, environment={"THERAPY_LEASE_SECONDS": "1"}) as clinic:
        sign_in, records = clinic.installation.sign_in, clinic.records
        await ask_for_letter(OLIVIA.email, records=records, attempts=sign_in.attempts)
    async with open_clinic(tmp_path) as clinic, asyncio.timeout(60):
        while not sent_letters(clinic.settings.data_dir / "mailbox"):
            await asyncio.sleep(0.1)
            await clinic.installation.sweep.once()
        assert await clinic.records.outbox.pending(UNATTACHED) == ()


async def test_too_many_letters_to_one_address_are_refused_known_or_not(clinic):
    for email in (OLIVIA.email, "nobody@example.org"):
        params = {"email": email}
        answers = [
            await clinic.post("/auth/forgot-password", None, params=params) for _ in range(8)
        ]
        assert [each.status_code for each in answers] == [200] * 6 + [429] * 2
        check_problem(answers[-1], 429, "too_many_attempts")
    assert len(sent_letters(clinic.settings.data_dir / "mailbox")) == 6


async def test_the_newest_letter_is_the_only_one_that_is_good(clinic):
    tokens = [await mailed_token(clinic) for _ in range(3)]
    assert len({*tokens}) == 3
    for token in tokens[:2]:
        body = {"tokenSec": token, "newPassword": "a new one, longer"}
        answer = await clinic.post("/auth/change-password", None, json=body)
        check_problem(answer, 400, "reset_token")
    body["tokenSec"] = tokens[2]
    assert (await clinic.post("/auth/change-password", None, json=body)).status_code == 200


@pytest.mark.parametrize("params", [{}, {"email": ""}, {"email": "  "}])
async def test_a_forgotten_password_without_an_address_names_the_field(clinic, params):
    answer = await clinic.post("/auth/forgot-password", None, params=params)
    check_problem(answer, 400, "required", "email")


async def test_a_new_password_takes_the_place_of_the_old_one(clinic):
    token = await mailed_token(clinic)
    body = {"tokenSec": token, "newPassword": "a new one, longer"}
    # An old access token may be in the header.
    answer = await clinic.post("/auth/change-password", OLIVIA, json=body)
    assert answer.status_code == 200
    assert set(answer.json()) == {"success", "message"}
    assert answer.json()["success"] is True
    assert (await log_in(clinic)).status_code == 401
    assert (await log_in(clinic, password="a new one, longer")).status_code == 200


async def test_a_reset_token_is_good_once(clinic):
    token = await mailed_token(clinic)
    body = {"tokenSec": token, "newPassword": "a new one, longer"}
    assert (await clinic.post("/auth/change-password", None, json=body)).status_code == 200
    again = await clinic.post("/auth/change-password", None, json=body)
    check_problem(again, 400, "reset_token", "tokenSec")


async def test_of_two_that_use_a_reset_token_at_once_one_is_refused(clinic):
    token = await mailed_token(clinic)
    bodies = [{"tokenSec": token, "newPassword": f"a new one, number {each}"} for each in (1, 2)]
    answers = await asyncio.gather(
        *(clinic.post("/auth/change-password", None, json=body) for body in bodies)
    )
    assert sorted(each.status_code for each in answers) == [200, 400]


@pytest.mark.parametrize("weak", ["", "short", "aaaaaaaaaaaa", OLIVIA.email, "x" * 1_000])
async def test_a_weak_password_is_refused_and_does_not_use_the_token_up(clinic, weak):
    token = await mailed_token(clinic)
    body = {"tokenSec": token, "newPassword": weak}
    check_problem(await clinic.post("/auth/change-password", None, json=body), 400, "weak_password")
    body["newPassword"] = "a new one, longer"
    assert (await clinic.post("/auth/change-password", None, json=body)).status_code == 200


async def test_a_common_password_is_refused_and_does_not_use_the_token_up(clinic):
    token = await mailed_token(clinic)
    for common in ("password", "Passw0rd!", "QWERTYUI"):
        body = {"tokenSec": token, "newPassword": common}
        answer = await clinic.post("/auth/change-password", None, json=body)
        check_problem(answer, 400, "common_password", "newPassword")
    body["newPassword"] = "a new one, longer"
    assert (await clinic.post("/auth/change-password", None, json=body)).status_code == 200


async def test_an_unknown_reset_token_is_refused(clinic):
    body = {"tokenSec": "never-sent", "newPassword": "a new one, longer"}
    check_problem(await clinic.post("/auth/change-password", None, json=body), 400, "reset_token")


async def test_a_changed_password_ends_every_login_and_every_device(clinic):
    told = (await log_in(clinic)).json()
    headers = {"Authorization": f"Bearer {told['token']}"}
    device = {"token": "fcm", "platform": "ANDROID", "user_id": OLIVIA.id, "user_type": "THERAPIST"}
    await clinic.post("/devices/register", None, json=device, headers=headers)
    other, token = await mailed_token(clinic), await mailed_token(clinic)
    body = {"tokenSec": token, "newPassword": "a new one, longer"}
    assert (await clinic.post("/auth/change-password", None, json=body)).status_code == 200
    refreshed = await clinic.post(
        "/auth/refresh", None, json={"refreshToken": told["refreshToken"]}
    )
    assert refreshed.status_code == 401
    assert await devices_of(OLIVIA.practice_id, OLIVIA.id, records=clinic.records) == ()
    body = {"tokenSec": other, "newPassword": "yet another one"}
    assert (await clinic.post("/auth/change-password", None, json=body)).status_code == 400


async def test_no_token_of_any_kind_is_kept_as_it_is(clinic):
    told = (await log_in(clinic)).json()
    reset = await mailed_token(clinic)
    stored = (clinic.settings.data_dir / "therapy.sqlite3").read_bytes()
    stored += (clinic.settings.data_dir / "therapy.sqlite3-wal").read_bytes()
    for secret in (told["token"], told["refreshToken"], reset, PASSWORD):
        assert secret.encode() not in stored
