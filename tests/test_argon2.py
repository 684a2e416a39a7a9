"""Argon2id: what `ports.passwords` says of time, which no quick fake can show."""

import asyncio
import gzip
import os
import subprocess
import sys
import threading
import time
import unicodedata
from pathlib import Path

import pytest
from argon2 import extract_parameters

from therapy.adapters import passwords as passwords_module
from therapy.adapters.passwords import AT_ONCE, HASHER, LOWER_BY, Argon2Passwords
from therapy.domain.errors import Unavailable
from therapy.domain.people import MIN_PASSWORD

PASSWORD = "correct horse סוס"


async def test_an_account_that_does_not_exist_takes_as_long_as_one_that_does() -> None:
    passwords = Argon2Passwords()
    hashed = await passwords.hash(PASSWORD)

    async def shortest(given: str) -> float:
        took = []
        for _ in range(4):
            began = time.process_time()  # of all threads, whatever else the machine does
            await passwords.verify("wrong", given)
            took.append(time.process_time() - began)
        return min(took)

    assert await shortest("") > await shortest(hashed) / 3


TAKEN = """
from pathlib import Path
from therapy.adapters.passwords import Argon2Passwords

def most_kilobytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(each.split()[1]) for each in lines if each.startswith("VmHWM"))

before = most_kilobytes()
Argon2Passwords()
print(most_kilobytes() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
def test_a_start_makes_no_hash() -> None:
    said = subprocess.run([sys.executable, "-c", TAKEN], check=True, capture_output=True, text=True)
    assert int(said.stdout) < HASHER.memory_cost / 2


async def test_what_is_compared_for_nobody_is_a_hash_of_the_same_costs() -> None:
    nobody = Argon2Passwords()._nobody
    assert extract_parameters(nobody) == extract_parameters(HASHER.hash(PASSWORD))


OLD = {
    "NFC": unicodedata.normalize("NFC", "Zoë schläft"),
    "NFD": unicodedata.normalize("NFD", "Zoë schläft"),
    "both in one": "Zoe\u0308 schl\u00e4ft",
}


@pytest.mark.parametrize("old", OLD.values(), ids=OLD)
async def test_hashes_of_before_of_passwords_as_they_were_typed_still_match(old: str) -> None:
    passwords, hashed = Argon2Passwords(), HASHER.hash(old)
    assert await passwords.verify(old, hashed)
    for form in ("NFC", "NFD"):
        typed = unicodedata.normalize(form, old)
        assert await passwords.verify(typed, hashed) is (old != OLD["both in one"])
    assert not await passwords.verify("Zoe schlaft", hashed)


async def test_the_event_loop_goes_on_meanwhile() -> None:
    passwords = Argon2Passwords()
    hashing = asyncio.gather(*(passwords.hash(PASSWORD) for _ in range(4)))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    await hashing
    assert turns > 10


async def test_only_so_many_wait_for_their_turn() -> None:
    passwords = Argon2Passwords(most_waiting=3)
    ended = await asyncio.gather(
        *(passwords.verify(PASSWORD, "") for _ in range(20)), return_exceptions=True
    )
    busy = [each for each in ended if isinstance(each, Unavailable) and each.code == "busy"]
    assert (len(busy), ended.count(False)) == (20 - 3 - AT_ONCE, 3 + AT_ONCE)
    assert await passwords.verify(PASSWORD, "") is False


async def test_whoever_gives_up_waiting_leaves_their_place_to_another() -> None:
    passwords = Argon2Passwords(most_waiting=1)
    waiting = [asyncio.create_task(passwords.verify(PASSWORD, "")) for _ in range(AT_ONCE + 1)]
    await asyncio.sleep(0)
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)
    assert await passwords.verify(PASSWORD, "") is False


async def test_a_check_that_has_begun_keeps_its_place_until_its_thread_ends_whoever_gives_up():
    passwords, go = Argon2Passwords(most_waiting=0), threading.Event()
    begun = threading.Barrier(AT_ONCE + 1)
    checks = [
        asyncio.create_task(passwords._in_thread(lambda: (begun.wait(60), go.wait(60))))
        for _ in range(AT_ONCE)
    ]
    await asyncio.to_thread(begun.wait, 60)
    for each in checks:
        each.cancel()
    await asyncio.wait(checks)
    with pytest.raises(Unavailable, match="busy"):
        await passwords.verify(PASSWORD, "")
    go.set()
    for _ in range(10_000):
        if not passwords._limit.under_way():
            break
        await asyncio.sleep(0.001)
    assert await passwords.verify(PASSWORD, "") is False


async def test_the_list_of_common_passwords_is_unpacked_beside_the_event_loop():
    passwords_module._common_passwords.cache_clear()
    asking = asyncio.create_task(Argon2Passwords().is_common("password"))
    await asyncio.sleep(0)
    assert not asking.done()
    assert await asking


async def test_at_least_twenty_thousand_common_passwords_are_known() -> None:
    packed = (Path(passwords_module.__file__).parent / "common_passwords.txt.gz").read_bytes()
    listed = gzip.decompress(packed).decode().splitlines()
    passwords = Argon2Passwords()
    assert len({*listed}) > 20_000
    assert min(map(len, listed)) == MIN_PASSWORD
    assert all([await passwords.is_common(each.upper()) for each in listed[::97]])
    assert not await passwords.is_common(PASSWORD)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a priority for each thread")
async def test_whoever_answers_requests_has_a_processor_before_whoever_hashes() -> None:
    await Argon2Passwords().hash(PASSWORD)
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    hashing = [each for each in threading.enumerate() if each.name.startswith("passwords")]
    given = {os.getpriority(os.PRIO_PROCESS, each.native_id or 0) for each in hashing}
    assert given == {min(19, niceness + LOWER_BY)} != {niceness}


async def test_passwords_are_verified_where_no_thread_may_change_its_priority(monkeypatch) -> None:
    """As under systemd with `SystemCallFilter=~@resources`."""

    def denied(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", denied)
    passwords = Argon2Passwords()
    assert await passwords.verify(PASSWORD, await passwords.hash(PASSWORD))
