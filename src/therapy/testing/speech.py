"""What `ports.speech` promises. Engines listen to `spoken`: 15 seconds of two people in English."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from therapy.domain.errors import LanguageNotSupported
from therapy.domain.transcript import Speaker, Utterance
from therapy.ports.audio import BYTES_PER_MS
from therapy.ports.speech import (
    Speech,
    SpeechCharge,
    SpeechCheckpoint,
    SpeechDone,
    SpeechEvent,
    SpeechOptions,
    SpeechProgress,
)
from therapy.testing.optional_promises import (
    ENGINE_ERRORS,
    CutOff,
    ask_what_is_cut_off,
    ask_what_is_well,
)
from therapy.testing.samples import PRACTICE

HEARD_MS = 15_000
FRAME_MS = 100  # engines listen in whole frames, so the last one may stick out
SILENCE = bytes(3_000 * BYTES_PER_MS)
HINTS = ("Sertraline", "ד״ר לוי", "O'Neill (junior)", "[a-z]+$", "x" * 100)


async def in_chunks(pcm: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(pcm), 64_000):
        yield pcm[start : start + 64_000]


async def events_of(speech: Speech, pcm: bytes, *languages: str) -> list[SpeechEvent]:
    options = SpeechOptions(languages=languages or ("en-US",))
    return [each async for each in speech.transcribe(PRACTICE, in_chunks(pcm), options)]


async def test_utterances_come_in_order_without_roles_and_progress_never_goes_back_whatever_the_hints(
    speech: Speech, spoken: bytes
) -> None:
    """Listens once, as that is dear: one `SpeechDone` comes last, too, and checkpoints save work."""
    languages = ("he-IL", "en-US")
    asked = SpeechOptions(languages=languages, checkpoint_ms=1, hints=HINTS * 100)
    events = [each async for each in speech.transcribe(PRACTICE, in_chunks(spoken), asked)]
    await hears_the_same_from_its_checkpoints(speech, spoken, asked, events)
    done = the_only_done(events)
    assert done.engine
    assert done.duration_ms == HEARD_MS
    assert done.language
    heard = [event.processed_ms for event in events if isinstance(event, SpeechProgress)]
    assert heard
    assert heard == sorted(heard)
    assert heard[-1] <= HEARD_MS + FRAME_MS
    from_the_first = events[
        next(n for n, each in enumerate(events) if isinstance(each, Utterance)) :
    ]
    assert not [each for each in from_the_first if isinstance(each, SpeechCharge)]  # asked before
    utterances = [event for event in events if isinstance(event, Utterance)]
    assert len(utterances) >= 2
    starts = [each.start_ms for each in utterances]
    assert starts == sorted(starts)
    for each in utterances:
        assert 0 <= each.start_ms <= each.end_ms <= HEARD_MS
        assert each.text.strip()
        assert each.speaker is Speaker.UNKNOWN


async def hears_the_same_from_its_checkpoints(
    speech: Speech, spoken: bytes, asked: SpeechOptions, events: list[SpeechEvent]
) -> None:
    """A later try with the checkpoints of an engine that yields any gives the same for less work."""
    states = [each.state for each in events if isinstance(each, SpeechCheckpoint)]
    if not states:
        return
    given = replace(asked, checkpoint_ms=0, checkpoints=(b"no state of this engine", *states[::-1]))
    again = [each async for each in speech.transcribe(PRACTICE, in_chunks(spoken), given)]
    assert not [each for each in again if isinstance(each, SpeechCheckpoint)]
    assert [each for each in again if isinstance(each, Utterance)] == [
        each for each in events if isinstance(each, Utterance)
    ]
    end = again[-1]
    assert isinstance(end, SpeechDone)
    assert 0 < end.resumed_ms <= end.duration_ms
    assert replace(end, resumed_ms=0) == events[-1]


def the_only_done(events: list[SpeechEvent]) -> SpeechDone:
    *before, last = events
    assert isinstance(last, SpeechDone)
    assert not [event for event in before if isinstance(event, SpeechDone)]
    return last


@pytest.mark.parametrize("pcm", [SILENCE, b""], ids=["silence", "no samples"])
async def test_where_nobody_speaks_there_is_no_utterance(speech: Speech, pcm: bytes) -> None:
    events = await events_of(speech, pcm)
    assert not [event for event in events if isinstance(event, Utterance)]
    last = events[-1]
    assert isinstance(last, SpeechDone)
    assert last.duration_ms == len(pcm) // BYTES_PER_MS
    assert last.language == ""


async def test_a_language_that_the_engine_does_not_do_is_refused(speech: Speech) -> None:
    with pytest.raises(LanguageNotSupported):
        await events_of(speech, SILENCE, "tlh")


async def test_listening_may_end_early_and_samples_are_pulled_only_as_fast_as_the_engine_works(
    speech: Speech, spoken: bytes
) -> None:
    pulled = 0

    async def an_hour() -> AsyncIterator[bytes]:
        nonlocal pulled
        for _ in range(3_600 * 1_000 // HEARD_MS):
            pulled += 1
            yield spoken

    events = speech.transcribe(PRACTICE, an_hour(), SpeechOptions(languages=("en-US",)))
    async for event in events:
        assert isinstance(event, SpeechProgress | Utterance | SpeechCharge | SpeechDone)
        break
    await events.aclose()  # type: ignore[attr-defined] # every adapter's iterator is a generator
    assert pulled < 3_600 * 1_000 // HEARD_MS // 2


async def test_a_check_of_speech_that_works_passes(speech: Speech) -> None:
    await ask_what_is_well(speech)


async def test_a_check_tells_of_speech_that_is_out_of_reach(
    speech: Speech, cut_off: CutOff | None
) -> None:
    await ask_what_is_cut_off(speech, cut_off, ENGINE_ERRORS)
