"""What is answered to too many attempts: 429 and 503 as problems, counted by the client's own address."""

import asyncio

import httpx
import pytest

from tests.http.clinic import OLIVIA, PASSWORD, Clinic, check_problem, open_clinic
from tests.http.server import serving
from therapy.adapters.memory.passwords import MemoryPasswords
from therapy.domain.errors import Unavailable
from therapy.domain.login_tokens import RefreshToken, ResetToken
from therapy.entrypoints.http.client_address import network_of


async def log_in(clinic: Clinic, password: str, email: str = OLIVIA.email) -> httpx.Response:
    return await clinic.post("/auth/login", None, json={"email": email, "password": password})


async def test_too_many_wrong_passwords_are_told_when_to_come_again(clinic):
    for _ in range(9):
        check_problem(await log_in(clinic, "not this one"), 401)
    refused = await log_in(clinic, PASSWORD)
    told = check_problem(refused, 429, "too_many_attempts")
    assert 0 < int(refused.headers["retry-after"]) == told["retry_after"] <= 3_600


async def test_no_password_is_tried_that_is_refused(tmp_path):
    environment = {"THERAPY_SIGN_IN_TRIES": "1", "THERAPY_SIGN_INS_WAITING": "0"}
    async with open_clinic(tmp_path, environment=environment) as clinic:
        check_problem(await log_in(clinic, "not this one"), 401)
        answers = await asyncio.gather(*(log_in(clinic, PASSWORD) for _ in range(20)))
        assert {each.status_code for each in answers} == {429}


class Busy(MemoryPasswords):
    """Passwords of which too many wait already."""

    async def verify(self, password: str, hashed: str) -> bool:
        raise Unavailable("busy", retry_after=2)


async def test_more_sign_ins_at_once_than_may_wait_are_told_to_come_again(tmp_path):
    async with open_clinic(tmp_path, passwords=Busy()) as clinic:
        answers = [await log_in(clinic, PASSWORD) for _ in range(12)]
    for each in answers:
        check_problem(each, 503, "busy")
        assert each.headers["retry-after"] == "2"


@pytest.mark.parametrize(
    "token",
    ["nonsense", str(RefreshToken(OLIVIA.practice_id, OLIVIA.id, "login-9", 1, "guessed"))],
    ids=["no token", "a token of somebody"],
)
async def test_wrong_refresh_tokens_are_limited_and_right_ones_are_not(tmp_path, token):
    async with open_clinic(tmp_path, environment={"THERAPY_WRONG_TOKENS": "3"}) as clinic:
        right = (await log_in(clinic, PASSWORD)).json()["refreshToken"]

        async def refreshed(sent: str) -> httpx.Response:
            return await clinic.post("/auth/refresh", None, json={"refreshToken": sent})

        statuses = [(await refreshed(token)).status_code for _ in range(5)]
        assert statuses == [401] * 3 + [429] * 2
        assert (await refreshed(right)).status_code == 200


async def test_wrong_reset_tokens_are_limited(tmp_path):
    async with open_clinic(tmp_path, environment={"THERAPY_WRONG_TOKENS": "3"}) as clinic:
        token = str(ResetToken(OLIVIA.practice_id, OLIVIA.id, "guessed"))
        body = {"tokenSec": token, "newPassword": "a long invented one"}
        answers = [await clinic.post("/auth/change-password", None, json=body) for _ in range(5)]
        assert [each.status_code for each in answers] == [400] * 3 + [429] * 2


def test_clients_behind_a_trusted_proxy_are_counted_each_by_itself(tmp_path):
    environment = {"THERAPY_TRUSTED_PROXIES": "127.0.0.1", "THERAPY_SIGN_IN_TRIES_ADDRESS": "2"}
    with (
        serving(tmp_path, environment=environment) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as client,
    ):

        def tried(address: str, password: str = "not this one") -> int:
            body = {"email": OLIVIA.email, "password": password}
            headers = {"X-Forwarded-For": f"203.0.113.200, {address}"}
            return client.post("/auth/login", json=body, headers=headers).status_code

        assert [tried("2001:db8:0:1::7") for _ in range(3)] == [401, 401, 429]
        assert tried("2001:db8:0:1:ffff::9") == 429
        assert tried("2001:db8:0:2::7", PASSWORD) == 200


def test_that_a_proxy_is_not_named_is_logged_once(tmp_path, caplog):
    with serving(tmp_path) as server, httpx.Client(timeout=30) as client:
        for number in range(3):
            headers = {"X-Forwarded-For": f"203.0.113.{number}"}
            url = f"http://127.0.0.1:{server.port}/auth/refresh"
            assert client.post(url, headers=headers).status_code == 401
    (line,) = [each for each in caplog.records if "X-Forwarded-For" in each.getMessage()]
    assert "203.0.113" not in line.getMessage()


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", "unix"),
    ],
)
def test_an_address_stands_for_the_network_of_one_client(address, network):
    assert network_of(address) == network
