"""What `ports.notices` promises."""

from tests.builders import PRACTICE, a_device, a_notice
from tests.contract.conftest import Family


async def test_a_notice_that_was_taken_says_so_and_arrives(family: Family) -> None:
    assert await family.notices.send(PRACTICE, a_device(), a_notice()) is True
    assert family.sent_notices() == [a_notice()]


async def test_a_notice_that_is_sent_again_replaces_itself(family: Family) -> None:
    await family.notices.send(PRACTICE, a_device(), a_notice())
    again = a_notice(body="Your session is ready.")
    await family.notices.send(PRACTICE, a_device(), again)
    assert family.sent_notices() == [again]


async def test_every_device_and_every_notice_counts(family: Family) -> None:
    for device in (a_device(), a_device(token="token-2")):
        for notice in (a_notice(), a_notice(id="notice-2", body="הפגישה מוכנה")):
            assert await family.notices.send(PRACTICE, device, notice) is True
    assert len(family.sent_notices()) == 4
