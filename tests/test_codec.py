"""The one stored form of each struct."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import a_run, a_session, a_version, an_item
from tests.strategies import moments, texts
from therapy.domain import codec
from therapy.domain.errors import InvalidInput, Unavailable
from therapy.domain.outbox import Consequence, EntryChanged, EraseDue, PushDue, PushKind, RunDue
from therapy.domain.run import Run
from therapy.domain.session import Session


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
    written = json.loads(codec.encode(a_session(title="A secret title"))) | {"schema_version": 2}
    with pytest.raises(Unavailable, match="newer") as caught:
        codec.decode(Session, json.dumps(written).encode())
    assert caught.value.details["schema_version"] == 2
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


consequences = st.one_of(
    st.builds(RunDue),
    st.builds(EntryChanged),
    st.builds(EraseDue),
    st.builds(
        PushDue,
        kind=st.sampled_from(PushKind),
        person_id=texts,
        told=st.lists(texts).map(tuple),
    ),
)


@settings(max_examples=50)
@given(said=st.lists(texts, min_size=1), what=consequences, at=moments)
def test_any_text_and_moment_comes_back(said: list[str], what: Consequence, at: object) -> None:
    for stored in (a_version(1, *said, at=at), an_item(what=what, due_at=at)):
        assert codec.decode(type(stored), codec.encode(stored)) == stored
