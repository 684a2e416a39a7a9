"""The one stored form of each struct."""

import json
from datetime import datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import a_login, a_run, a_session, a_version, an_item
from therapy.domain import codec
from therapy.domain.errors import InvalidInput, Unavailable
from therapy.domain.outbox import (
    AccessEnded,
    Consequence,
    EraseDue,
    OutboxItem,
    PersonEntryChanged,
    PushDue,
    PushKind,
    RunDue,
    SessionEntryChanged,
)
from therapy.domain.people import Login
from therapy.domain.run import Run
from therapy.domain.session import Session
from therapy.testing.strategies import moments, texts


class Empty(msgspec.Struct):
    """A struct without fields."""


@pytest.mark.parametrize(
    "stored",
    [a_session(), a_version(), a_run(), an_item(), Empty()],
    ids=lambda each: type(each).__name__,
)
def test_what_was_encoded_is_decoded_again(stored: msgspec.Struct) -> None:
    assert codec.decode(type(stored), codec.encode(stored)) == stored


def test_the_stored_form_is_a_json_object_that_begins_with_its_schema_version() -> None:
    written = codec.encode(a_session())
    assert written.startswith(b'{"schema_version":1,')
    assert json.loads(written)["id"] == "session-1"
    assert json.loads(codec.encode(Empty())) == {"schema_version": 1}


def test_fields_that_a_reader_does_not_know_are_skipped() -> None:
    written = json.loads(codec.encode(a_run()))
    written |= {"mood": "calm", "schema_version": 1}
    assert codec.decode(Run, json.dumps(written).encode()) == a_run()


def test_a_form_without_a_schema_version_is_the_first_one() -> None:
    written = json.loads(codec.encode(a_run()))
    del written["schema_version"]
    assert codec.decode(Run, json.dumps(written).encode()) == a_run()


def test_a_newer_form_is_refused_and_says_so() -> None:
    written = json.loads(codec.encode(a_session(title="A secret title"))) | {"schema_version": 9}
    with pytest.raises(Unavailable, match="newer") as caught:
        codec.decode(Session, json.dumps(written).encode())
    assert caught.value.details["schema_version"] == 9
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"[]",
        b'{"schema_version":1,"id":1}',
        b'{"schema_version":1,"state":"what she said"}',
        b'{"schema_version":"what she said"}',
        b'{"schema_version":1,"id":"\xff"}',
    ],
)
def test_a_damaged_form_is_refused_without_quoting_it(damaged: bytes) -> None:
    with pytest.raises(Unavailable) as caught:
        codec.decode(Session, damaged)
    assert "said" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_text_that_is_no_unicode_is_refused_without_quoting_it() -> None:
    with pytest.raises(InvalidInput) as caught:
        codec.encode(a_version(1, "said \ud800"))
    assert "said" not in str(caught.value)
    assert caught.value.__suppress_context__


consequences: st.SearchStrategy[Consequence] = st.one_of(
    st.builds(RunDue, texts),
    st.builds(SessionEntryChanged, texts),
    st.builds(PersonEntryChanged, texts),
    st.builds(AccessEnded, texts, moments),
    st.builds(EraseDue, texts),
    st.builds(
        PushDue,
        kind=st.sampled_from(PushKind),
        person_id=texts,
        session_id=texts,
        told=st.lists(texts).map(tuple),
    ),
)


@settings(max_examples=50)
@given(said=st.lists(texts, min_size=1), what=consequences, at=moments)
def test_any_text_and_moment_comes_back(said: list[str], what: Consequence, at: datetime) -> None:
    for stored in (a_version(1, *said, at=at), an_item(what=what, due_at=at)):
        assert codec.decode(type(stored), codec.encode(stored)) == stored


def with_fields(stored: msgspec.Struct, **fields: object) -> bytes:
    return json.dumps(json.loads(codec.encode(stored)) | fields).encode()


ONLY_NEWER = {
    "an enum value": (Run, with_fields(a_run(), kind="embed")),
    "a state": (Session, with_fields(a_session(), state="archived")),
    "a tag": (OutboxItem, with_fields(an_item(), what={"type": "letter_due", "letter_id": "1"})),
    "another type": (Login, with_fields(a_login(), refresh_hash=["one", "two"])),
    "a form": (Run, with_fields(a_run(), schema_version=2)),
    "a form of other fields": (Run, b'{"schema_version":7,"work":"x"}'),
}
"""What only a newer program can read: the struct that it takes the place of, and the stored form."""


@pytest.mark.parametrize("case", ONLY_NEWER)
def test_what_only_a_newer_program_can_read_is_none_where_that_is_asked_for(case: str) -> None:
    struct, stored = ONLY_NEWER[case]
    assert codec.decode_if_known(struct, stored) is None
    with pytest.raises(Unavailable, match=r"newer|not_known_to_this_version"):
        codec.decode(struct, stored)


def test_what_is_known_is_read_where_unknown_things_may_be() -> None:
    assert codec.decode_if_known(Run, codec.encode(a_run())) == a_run()


@pytest.mark.parametrize("damaged", [b"", b"{", b'{"schema_version":1,"id":"\xff"}', b"\x00"])
def test_what_is_damaged_is_never_taken_for_a_newer_form(damaged: bytes) -> None:
    with pytest.raises(Unavailable, match="damaged"):
        codec.decode_if_known(Session, damaged)


def test_what_is_not_known_is_refused_without_quoting_it() -> None:
    stored = with_fields(a_session(title="A secret title"), state="archived")
    with pytest.raises(Unavailable) as caught:
        codec.decode(Session, stored)
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


RUNS = [a_run(), a_run(id="other")]


def test_many_are_decoded_together_as_one_by_one() -> None:
    stored = [codec.encode(each).decode() for each in RUNS]
    assert codec.decode_all(Run, stored) == RUNS
    assert codec.decode_all(Run, []) == []


def test_many_of_which_one_has_no_schema_version_are_decoded() -> None:
    written = json.loads(codec.encode(a_run()))
    del written["schema_version"]
    stored = [codec.encode(RUNS[1]).decode(), json.dumps(written)]
    assert codec.decode_all(Run, stored) == [RUNS[1], RUNS[0]]


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        ([codec.encode(a_run()).decode(), "{"], "damaged"),
        (['{"schema_version":1,"more":[{}', '{"schema_version":1,"id":"a"}]}'], "damaged"),
        (['{"schema_version":9,"id":"a"}'], "written_by_a_newer_version"),
        (['{"schema_version":1,"state":"later"}'], "not_known_to_this_version"),
    ],
    ids=["cut", "only together they are JSON", "newer", "a state of later"],
)
def test_many_of_which_one_cannot_be_read_are_refused(stored: list[str], reason: str) -> None:
    with pytest.raises(Unavailable) as raised:
        codec.decode_all(Run, stored)
    assert raised.value.details["reason"] == reason
