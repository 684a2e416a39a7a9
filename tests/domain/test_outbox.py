"""Consequences and the queues in which they wait."""

import re
from typing import get_args

import pytest

from tests.domain.builders import NOW
from therapy.domain import codec, outbox
from therapy.domain.outbox import QUEUES, Consequence, PushDue, PushKind, ResetLetterDue

NAMES = {
    "RunDue": "outbox.run",
    "SessionEntryChanged": "outbox.session-entry",
    "PersonEntryChanged": "outbox.person-entry",
    "AccessEnded": "outbox.access-ended",
    "PushDue": "outbox.push",
    "ResetLetterDue": "outbox.reset-letter",
    "EraseDue": "outbox.erase",
}
"""Written once more: items of these names are in stores, and a queue is never renamed."""


def test_each_consequence_waits_in_a_queue_of_its_own():
    assert set(QUEUES) == set(get_args(Consequence))
    assert len(set(QUEUES.values())) == len(QUEUES)


def test_no_queue_that_was_used_has_another_name_now():
    assert {kind.__name__: queue for kind, queue in QUEUES.items()} == NAMES


@pytest.mark.parametrize("queue", QUEUES.values())
def test_a_queue_has_a_name_that_every_store_takes(queue):
    assert re.fullmatch(r"outbox\.[a-z-]{1,40}", queue)


@pytest.mark.parametrize("kind", get_args(Consequence))
def test_a_stored_consequence_says_which_it_is(kind):
    tag = kind.__struct_config__.tag
    assert re.fullmatch(r"[a-z_]+", tag)
    assert [each for each in get_args(Consequence) if each.__struct_config__.tag == tag] == [kind]


def test_a_push_that_is_due_shows_nobodys_token_and_not_whom_it_is_for():
    due = PushDue(PushKind.SESSION_READY, "olivia", "s1", told=("a secret token",))
    assert "secret" not in repr(due)
    assert "olivia" not in repr(due)


def test_a_letter_that_is_due_does_not_show_to_whom():
    assert "olivia" not in repr(ResetLetterDue("olivia@example.org", NOW))


def test_a_push_that_told_nobody_yet_is_stored_without_the_list():
    due = PushDue(PushKind.SESSION_READY, "olivia", "s1")
    item = outbox.OutboxItem("i1", "north", due, due_at=NOW)
    assert b"told" not in codec.encode(item)
