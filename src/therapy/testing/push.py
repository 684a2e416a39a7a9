"""What `ports.push` promises."""

from collections.abc import Callable

from therapy.domain.push import PushMessage
from therapy.ports.push import PushSender
from therapy.testing.optional_promises import CutOff, ask_what_is_cut_off, ask_what_is_well
from therapy.testing.samples import PRACTICE, a_device, a_push


async def test_a_notice_that_was_taken_says_so_and_arrives(
    push: PushSender, sent_pushes: Callable[[], list[PushMessage]]
) -> None:
    assert await push.send(PRACTICE, a_device(), a_push()) is True
    assert sent_pushes() == [a_push()]


async def test_a_notice_that_is_sent_again_replaces_itself(
    push: PushSender, sent_pushes: Callable[[], list[PushMessage]]
) -> None:
    await push.send(PRACTICE, a_device(), a_push())
    again = a_push(body="Your session is ready.")
    await push.send(PRACTICE, a_device(), again)
    assert sent_pushes() == [again]


async def test_every_device_and_every_notice_counts(
    push: PushSender, sent_pushes: Callable[[], list[PushMessage]]
) -> None:
    for device in (a_device(), a_device(token="token-2")):
        for message in (a_push(), a_push(id="push-2", body="הפגישה מוכנה")):
            assert await push.send(PRACTICE, device, message) is True
    assert len(sent_pushes()) == 4


async def test_a_check_of_pushes_sends_none(
    push: PushSender, sent_pushes: Callable[[], list[PushMessage]]
) -> None:
    await ask_what_is_well(push)
    assert sent_pushes() == []


async def test_a_check_tells_of_pushes_that_are_out_of_reach(
    push: PushSender, cut_off: CutOff | None
) -> None:
    await ask_what_is_cut_off(push, cut_off)
