"""What `repositories.transcripts` promises."""

import pytest
from msgspec.structs import replace

from tests.builders import (
    NOW,
    PRACTICE,
    SESSION,
    a_session,
    a_version,
    an_utterance,
)
from tests.repositories.changes import NO_UNICODE, ODD_IDS, at_once, commit, headers_of
from therapy.domain import codec
from therapy.domain.errors import InvalidInput, NotFound, Stale
from therapy.domain.insights import Insights
from therapy.domain.playback import Playback
from therapy.domain.sentiment import Scores
from therapy.domain.transcript import Source, TranscriptVersion, Word
from therapy.ports.store import Put
from therapy.repositories.change import Change, Pending
from therapy.repositories.records import Records
from therapy.repositories.sessions import session_partition
from therapy.repositories.transcripts import VersionHeader

PARTITION = session_partition(PRACTICE, SESSION)
A_PLAYBACK = Playback("content-1", "audio/mp4", 9_000, "audio-1", "peaks-1", 1_000, NOW)


async def write(records: Records, *versions: TranscriptVersion, practice: str = PRACTICE) -> None:
    for version in versions:
        await commit(records, *await records.transcripts.new(practice, version))


def scored(version: TranscriptVersion, gap: str = "he") -> TranscriptVersion:
    utterances = [replace(each, scores=Scores(0.5, 0.25, 0.25)) for each in version.utterances]
    insights = Insights(key_phrases=("a week",), engine="test")
    return replace(version, utterances=tuple(utterances), sentiment_gap=gap, insights=insights)


def spoken(lines: int) -> TranscriptVersion:
    """Return a transcript as long as a day: each line with words, in both languages."""
    words = tuple(Word(f"word{at}", at, at + 1, 0.5) for at in range(3))
    said = "ישנתי טוב יותר, and nothing woke me"
    return a_version(
        utterances=tuple(
            an_utterance(f"{said} {at}", at * 3_000, words=words, scores=Scores(0.5, 0.25, 0.25))
            for at in range(lines)
        ),
        duration_ms=lines * 3_000,
        engine="test",
    )


@pytest.mark.parametrize("number", [0, 2, -1, 10**30, 999_999])
async def test_a_number_that_no_version_has_is_not_found(records: Records, number: int) -> None:
    await write(records, a_version())
    for load in (records.transcripts.load, records.transcripts.load_words):
        with pytest.raises(NotFound):
            await load(PRACTICE, SESSION, number)


async def test_every_version_of_a_transcript_stays(records: Records) -> None:
    await write(records, a_version(1), a_version(2, "Something else."))
    assert await records.transcripts.load(PRACTICE, SESSION, 1) == a_version(1)
    assert await records.transcripts.load(PRACTICE, SESSION, 2) == a_version(2, "Something else.")


async def test_a_version_may_be_empty(records: Records) -> None:
    silence = a_version(utterances=())
    await write(records, silence)
    assert await records.transcripts.load(PRACTICE, SESSION, 1) == silence


@pytest.mark.parametrize(
    "other",
    [
        a_version(),
        a_version(1, "Other words."),
        scored(a_version(1, "Other words.")),
        a_version(author_id="somebody"),
    ],
    ids=["the same again", "words", "words and scores", "author"],
)
async def test_a_number_is_given_to_one_version_only(
    records: Records, other: TranscriptVersion
) -> None:
    await commit(records, records.sessions.write(a_session()))
    await write(records, scored(a_version()))
    before = await records.store.list(PARTITION)
    with pytest.raises(Stale):
        await commit(
            records,
            records.sessions.write(a_session(version=1)),
            *await records.transcripts.new(PRACTICE, other),
        )
    assert await records.store.list(PARTITION) == before


async def test_of_those_who_write_a_number_at_once_one_does(
    records: Records, replica: Records
) -> None:
    versions = [a_version(1, f"Number {at}") for at in range(6)]
    won, failed = await at_once(
        *(
            write(each, version)
            for each, version in zip([records, replica] * 3, versions, strict=True)
        )
    )
    assert failed == [Stale] * 5
    assert await replica.transcripts.load(PRACTICE, SESSION, 1) == versions[won[0]]


async def test_scores_and_insights_come_later_and_may_come_again(records: Records) -> None:
    await write(records, a_version())
    for gap in ("he", ""):
        later = scored(a_version(), gap)
        await commit(records, *await findings(records, later))
        assert await records.transcripts.load(PRACTICE, SESSION, 1) == later


async def test_scores_leave_insights_and_insights_leave_scores_as_they_are_stored(
    records: Records,
) -> None:
    await write(records, scored(a_version(), "he"))
    newer = scored(a_version())
    await commit(
        records, *await records.transcripts.scores(PRACTICE, replace(newer, insights=None))
    )
    assert await records.transcripts.load(PRACTICE, SESSION, 1) == newer
    found = Insights(key_phrases=("another week",))
    await commit(records, records.transcripts.insights(a_session(), 1, found))
    stored = await records.transcripts.load(PRACTICE, SESSION, 1)
    assert stored == replace(newer, insights=found)


async def findings(records: Records, version: TranscriptVersion) -> tuple[Pending, ...]:
    assert version.insights
    insights = records.transcripts.insights(a_session(), version.number, version.insights)
    return (*await records.transcripts.scores(PRACTICE, version), insights)


async def test_findings_leave_the_words_as_they_were_written(records: Records) -> None:
    await write(records, a_version())
    words = await records.store.get(PARTITION, "text-000001", "version-000001")
    other = scored(a_version(1, "Other words.", "And more."))
    await commit(records, *await findings(records, other))
    assert await records.store.get(PARTITION, "text-000001", "version-000001") == words
    assert await records.transcripts.load(PRACTICE, SESSION, 1) == scored(a_version())


async def test_where_nothing_was_found_nothing_is_written(records: Records) -> None:
    assert await records.transcripts.scores(PRACTICE, a_version()) == ()


async def test_scores_belong_to_their_lines_and_some_lines_have_none(records: Records) -> None:
    first, second = a_version().utterances
    half = a_version(utterances=(first, replace(second, scores=Scores(0.0, 1.0, 0.0))))
    await write(records, half)
    assert await records.transcripts.load(PRACTICE, SESSION, 1) == half


async def test_a_version_is_loaded_with_what_was_made_for_players(records: Records) -> None:
    whole = scored(a_version(), gap="")
    await write(records, whole)
    assert await records.transcripts.load_with_playback(PRACTICE, SESSION, 1) == (whole, None)
    await commit(records, records.playbacks.write(a_session(), A_PLAYBACK))
    made = await records.playbacks.of_session(PRACTICE, SESSION)
    assert made is not None
    assert made.content == A_PLAYBACK.content
    assert await records.transcripts.load_with_playback(PRACTICE, SESSION, 1) == (whole, made)
    with pytest.raises(NotFound):
        await records.transcripts.load_with_playback(PRACTICE, SESSION, 2)


@pytest.mark.parametrize(
    ("item_id", "body", "left"),
    [
        ("scores-000001", b'{"schema_version":1,"scores":[{"moods":1}]}', "insights"),
        ("insights-000001", b'{"schema_version":1,"gaps":[{"part":"mood","code":""}]}', "scores"),
        ("scores-000001", b'{"schema_version":2}', "insights"),
    ],
)
async def test_findings_that_only_a_newer_program_knows_are_left_out_and_kept(
    records: Records, item_id: str, body: bytes, left: str
) -> None:
    whole = scored(a_version(), gap="")
    await write(records, whole)
    kind = item_id.split("-", maxsplit=1)[0]
    await records.store.commit(PARTITION, [Put(id=item_id, kind=kind, body=body)])
    version = await records.transcripts.load(PRACTICE, SESSION, 1)
    without = {
        "scores": replace(whole, insights=None),
        "insights": replace(a_version(), insights=whole.insights),
    }
    assert version == without[left]
    assert (await records.store.get(PARTITION, item_id))[item_id].body == body


async def test_a_review_reads_the_words_alone(records: Records) -> None:
    await write(records, scored(a_version()))
    assert await records.transcripts.load_words(PRACTICE, SESSION, 1) == a_version()


async def test_headers_say_what_a_list_of_versions_needs(records: Records) -> None:
    edit = a_version(2, "One line.", source=Source.EDIT, author_id="somebody", language="he")
    await write(records, scored(a_version(engine="test")), edit)
    assert await headers_of(records, PRACTICE, SESSION) == (
        VersionHeader(1, 0, Source.MACHINE, a_version().at, 2, engine="test", duration_ms=6_000),
        VersionHeader(
            2, 1, Source.EDIT, edit.at, 1, author_id="somebody", language="he", duration_ms=3_000
        ),
    )


async def test_headers_are_in_the_order_of_their_numbers(records: Records) -> None:
    numbers = [2, 10, 1, 9, 100, 999_999, 11]
    await write(records, *(a_version(number) for number in numbers))
    found = await headers_of(records, PRACTICE, SESSION)
    assert [header.number for header in found] == sorted(numbers)


async def test_a_header_is_small_however_long_the_text_is(records: Records) -> None:
    await write(records, spoken(300))
    header = (await records.store.get(PARTITION, "version-000001"))["version-000001"]
    assert len(header.body) < 500
    text = (await records.store.get(PARTITION, "text-000001"))["text-000001"]
    assert b"positive" not in text.body


@pytest.mark.slow
async def test_a_transcript_of_20_000_lines_is_read_as_it_was_written(records: Records) -> None:
    long = spoken(20_000)
    change = Change(records.sessions.write(a_session()))
    change.add(*await records.transcripts.new(PRACTICE, long))
    await change.commit(records.store)
    assert await records.transcripts.load(PRACTICE, SESSION, 1) == long
    (header,) = await headers_of(records, PRACTICE, SESSION)
    assert header.lines == 20_000


async def test_no_two_odd_sessions_share_a_version(records: Records) -> None:
    for session_id in ODD_IDS:
        await write(records, a_version(1, f"Of {session_id!r}", session_id=session_id))
    for session_id in ODD_IDS:
        version = await records.transcripts.load(PRACTICE, session_id, 1)
        assert version.utterances[0].text == f"Of {session_id!r}"


async def test_words_that_are_no_unicode_are_refused_without_quoting_them(records: Records) -> None:
    with pytest.raises(InvalidInput) as caught:
        await write(records, a_version(1, NO_UNICODE))
    assert "said" not in str(caught.value)
    assert await records.store.list(PARTITION) == ()


async def test_the_text_is_stored_whole_but_for_what_comes_later(records: Records) -> None:
    await write(records, scored(a_version()))
    text = (await records.store.get(PARTITION, "text-000001"))["text-000001"]
    assert text.body == codec.encode(a_version())


async def test_headers_come_in_order_of_number_page_by_page(records: Records) -> None:
    for number in (1, 2, 10, 11):
        await write(records, a_version(number, reason="a wrong name" if number == 11 else ""))
    headers = await records.transcripts.headers(PRACTICE, SESSION)
    assert [each.number for each in headers] == [1, 2, 10, 11]
    assert [each.reason for each in headers] == ["", "", "", "a wrong name"]
    page = await records.transcripts.headers(PRACTICE, SESSION, after=1, limit=2)
    assert [each.number for each in page] == [2, 10]


async def test_a_header_that_only_a_newer_program_can_read_shortens_no_page(
    records: Records,
) -> None:
    for number in (1, 2, 3):
        await write(records, a_version(number))
    newer = Put(id="version-000002", kind="version", body=b'{"schema_version":9}')
    await records.store.commit(PARTITION, [newer])
    page = await records.transcripts.headers(PRACTICE, SESSION, limit=2)
    assert [each.number for each in page] == [1, 3]


@pytest.mark.parametrize("after", [11, 999_999, 10**30])
async def test_beyond_the_last_version_there_are_no_headers(records: Records, after: int) -> None:
    await write(records, a_version(1), a_version(11))
    assert await records.transcripts.headers(PRACTICE, SESSION, after=after) == ()
    assert await records.transcripts.headers(PRACTICE, "another") == ()
