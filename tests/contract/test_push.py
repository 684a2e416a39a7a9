"""What `ports.push` promises."""

from tests.builders import PRACTICE, a_device, a_push
from tests.contract.conftest import Family


async def test_a_notice_that_was_taken_says_so_and_arrives(family: Family) -> None:
    assert await family.push.send(PRACTICE, a_device(), a_push()) is True
    assert family.sent_pushes() == [a_push()]


async def test_a_notice_that_is_sent_again_replaces_itself(family: Family) -> None:
    await family.push.send(PRACTICE, a_device(), a_push())
    again = a_push(body="Your session is ready.")
    await family.push.send(PRACTICE, a_device(), again)
    assert family.sent_pushes() == [again]


async def test_every_device_and_every_notice_counts(family: Family) -> None:
    for device in (a_device(), a_device(token="token-2")):
        for push in (a_push(), a_push(id="push-2", body="הפגישה מוכנה")):
            assert await family.push.send(PRACTICE, device, push) is True
    assert len(family.sent_pushes()) == 4
