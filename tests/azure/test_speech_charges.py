"""What a try of a recording may cost at Azure: it is said before, and what costs nothing is told apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.azure.speech_fakes import (
    an_access,
    asking,
    done,
    heard,
    lines,
    phrases,
    said,
    seconds,
    talking_to,
)
from tests.builders import PRACTICE, SESSION
from tests.emulators.fast import FakeFast
from tests.emulators.faults import Fault
from tests.emulators.idle_line import IdleLine
from tests.emulators.speech import FakeSpeech
from tests.workflows.memory_installation import ACTOR, an_installation, begun
from therapy.adapters.azure.speech import conversation
from therapy.adapters.azure.speech.connection import Patience
from therapy.adapters.azure.speech.engine import AzureSpeech, Engine
from therapy.domain.errors import EngineFailed, ErrorClass
from therapy.domain.run import RunState
from therapy.ports.speech import SpeechCharge, SpeechOptions
from therapy.workflows import review

HURRIED = Patience(least=0.5, share=0.0, pauses=(0.0, 0.0, 0.0))
CHARGE = SpeechCharge()


async def failing(speech: AzureSpeech, pcm: AsyncIterator[bytes]) -> tuple[int, EngineFailed]:
    """Return how often a try of a recording may have been charged by what it said, and how it failed."""
    charges = 0

    async def listen() -> None:
        nonlocal charges
        async for event in speech.transcribe(PRACTICE, pcm, SpeechOptions(("en-US",))):
            charges += isinstance(event, SpeechCharge)

    with pytest.raises(EngineFailed) as failed:
        await listen()
    return charges, failed.value


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500, times=None),
        Fault(status=504, times=None),
        Fault(kind="lost", times=None),
        Fault(kind="stall", times=None),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status}",
)
async def test_a_try_that_may_be_charged_is_logged_and_not_repeated_before_the_run_knows(
    fake_fast: FakeFast, tmp_path: Path, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    fake_fast.add(replace(fault, on="transcribe"))
    charges, failure = await failing(asking(fake_fast, tmp_path, patience=HURRIED), seconds(3))
    assert (charges, failure.uncharged) == (1, False)
    assert failure.error_class is ErrorClass.TRANSIENT
    assert fake_fast.faults.struck.total() == 1
    (warning,) = [each for each in caplog.records if each.name.startswith("therapy")]
    assert (warning.message, warning.engine) == ("a paid recognition failed", "azure-fast")
    assert warning.reason == failure.details["reason"]


@pytest.mark.parametrize("status", [401, 403, 413, 429, 503])
async def test_what_fast_transcription_refuses_costs_nothing(
    fake_fast: FakeFast, tmp_path: Path, status: int
) -> None:
    fake_fast.add(Fault(on="transcribe", status=status, times=None))
    charges, failure = await failing(asking(fake_fast, tmp_path, patience=HURRIED), seconds(3))
    assert (charges, failure.uncharged) == (1, True)


@pytest.mark.emulator
async def test_where_nothing_answers_nothing_is_charged(tmp_path: Path) -> None:
    with FakeFast() as gone:
        pass
    _, failure = await failing(asking(gone, tmp_path, patience=HURRIED), seconds(3))
    assert failure.uncharged


async def test_a_recording_that_was_not_sent_to_its_end_costs_nothing(
    fake_fast: FakeFast, tmp_path: Path
) -> None:
    fake_fast.add(Fault(on="transcribe", kind="reset", times=None))  # before it has read anything
    speech = asking(fake_fast, tmp_path, patience=Patience(least=0.5, share=0.0, pauses=()))
    _, failure = await failing(speech, seconds(600, noise=True))
    assert failure.uncharged


@pytest.mark.slow
async def test_what_the_conversation_engine_refuses_costs_nothing_and_what_it_heard_does(
    fake_speech: FakeSpeech,
) -> None:
    fake_speech.add(Fault(on="upgrade", status=401, times=None))
    assert (await failing(talking_to(fake_speech), seconds(5)))[1].uncharged
    fake_speech.clear()
    fake_speech.phrases = phrases(4)
    fake_speech.add(Fault(on="stream", kind="reset", seconds=1, times=None))
    charges, failure = await failing(talking_to(fake_speech), seconds(10))
    assert (charges, failure.uncharged) == (1, False)


@pytest.mark.slow
async def test_several_languages_that_fast_gives_up_on_are_heard_by_the_other_engine_at_no_second_charge(
    fake_fast: FakeFast, fake_speech: FakeSpeech, tmp_path: Path
) -> None:
    script = [
        each | {"lang": language}
        for each, language in zip(phrases(4), ("he-IL", "en-US") * 2, strict=True)
    ]
    fake_fast.phrases = fake_speech.phrases = script
    speech = AzureSpeech(an_access(fake_speech, fake_fast), directory=tmp_path)
    events = await heard(speech, seconds(15), "he-IL", "en-US")
    assert lines(events) == said(script)
    assert done(events).engine == conversation.NAME
    assert events.count(CHARGE) == 1


async def test_behind_a_line_that_forgets_silent_connections_a_run_ends_after_two_paid_tries(
    fake_fast: FakeFast, tmp_path: Path
) -> None:
    fake_fast.works_for = 30.0
    with IdleLine(fake_fast.port, idle=0.2) as line:
        access = replace(an_access(), fast_endpoint=line.url)
        patience = Patience(least=1.0, share=0.0)
        speech = AzureSpeech(access, engine=Engine.FAST, directory=tmp_path, patience=patience)
        installed = await an_installation(speech=speech)
        await begun(installed)
        for _ in range(4):
            await installed.work()
            installed.clock.advance(hours=1)
    run = await installed.run()
    assert (run.state, run.error_code, run.charges) == (RunState.FAILED, "paid_tries", 2)
    assert len(fake_fast.calls) == line.forgotten == 2
    assert installed.told() == ["SESSION_FAILED"]
    fake_fast.works_for = 0.0
    await review.retry(
        ACTOR, SESSION, records=installed.records, waiting_list=installed.installation.waiting_list
    )
    again = AzureSpeech(an_access(fast=fake_fast), engine=Engine.FAST, directory=tmp_path)
    await installed.with_ports(speech=again).work()
    assert (await installed.session()).transcript_number == 1


@pytest.mark.slow
async def test_a_conversation_that_breaks_off_again_and_again_is_paid_twice_at_most(
    fake_speech: FakeSpeech,
) -> None:
    fake_speech.phrases = phrases(4)
    fake_speech.add(Fault(on="stream", kind="reset", seconds=0.1, times=None))
    installed = await an_installation(speech=talking_to(fake_speech))
    await begun(installed)
    for _ in range(4):
        await installed.work()
        installed.clock.advance(hours=1)
    run = await installed.run()
    assert (run.state, run.error_code, run.charges) == (RunState.FAILED, "paid_tries", 2)
    assert installed.told() == ["SESSION_FAILED"]
