"""Sessions of the second practice, one in every state that a session can be left in without an accident."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from people import NOA, OMER
from program import CLOCK, Died, Program
from sound import ENGLISH, HEBREW, SHORT, spoken, tone

from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.errors import EngineFailed
from therapy.ports.sentiment import Sentiment
from therapy.workflows.following import fingerprint

TAL_SAYS = {"id": "200000017", "name": "טל לוי", "email": "tal.levi@example.org"}
DANA_SAYS = {"id": "300000015", "name": "Dana Cohen", "email": "dana.cohen@example.org"}
STRANGER = {"id": "300000015", "name": "Dina Kohen"}
NICKNAME = {"id": "300000015", "name": "Dany"}
NO_ACCOUNT = {"id": "300000098", "name": "Sam O'Neill", "date_of_birth": "1971-12-01"}


class Broken(Sentiment):
    """An engine that is broken for good."""

    async def score(self, *_: object, **__: object) -> Any:
        raise EngineFailed(transient=False)


class Story:
    """Tells what happens in a practice; `ids` are the sessions by what each stands for."""

    def __init__(self, program: Program, practice_id: str) -> None:
        self.program = program
        self.practice_id = practice_id
        self.ids: dict[str, str] = {}
        self.reserved: set[str] = set()
        self._tones = 0

    def goes_on(self, program: Program) -> None:
        """Tell on in a program that was started again."""
        program.goes_on_from(self.program)
        self.program = program

    def tone(self) -> bytes:
        """Return a recording that was not sent before."""
        self._tones += 1
        return tone(self._tones)

    async def begin(
        self,
        name: str,
        patient: Mapping[str, str],
        *,
        audio: bytes = b"",
        email: str = NOA,
        **told: Any,
    ) -> str:
        """Send a recording in as the session that is called `name`."""
        CLOCK.on(minutes=3)
        day = date(2026, 2, 1 + len(self.ids) % 28)
        told = {"summary": f"A talk: {name}.", **told}
        session_id = await self.program.upload(
            email, audio or self.tone(), dict(patient), day, **told
        )
        await self.note(name, session_id)
        return session_id

    async def note(self, name: str, session_id: str) -> None:
        """Keep a session's id, and the key under which its recording is reserved."""
        session = await self.program.desk.sessions.load(self.practice_id, session_id)
        self.ids[name] = session_id
        self.reserved.add(fingerprint(session.therapist_id, session.recording.content_hash))

    async def transcribed(
        self, name: str, patient: Mapping[str, str], script: Sequence[Any] = SHORT, **told: Any
    ) -> str:
        """Have a session transcribed by an engine that says what is in `script`."""
        session_id = await self.begin(name, patient, **told)
        await self.work(session_id, speech=MemorySpeech(script))
        return session_id

    async def closed(self, name: str, *told: Any, **more: Any) -> str:
        """Have a session transcribed, handed in as it is, and closed."""
        session_id = await self.transcribed(name, *told, **more)
        await self.program.hand_in(more.get("email", NOA), session_id)
        await self.work(session_id)
        return session_id

    async def work(self, session_id: str, **ports: Any) -> None:
        CLOCK.on(minutes=1)
        await self.program.work(self.practice_id, session_id, **ports)

    async def tell(self) -> None:
        """Let everything happen that ends as it should, failures included."""
        await self._closed()
        await self._waiting()
        await self._failed()
        await self._cancelled()

    async def _closed(self) -> None:
        session_id = await self.begin(
            "closed, two versions, really recognised",
            TAL_SAYS,
            audio=spoken(),
            file_name="session_audio_7f9a.ogg",
            summary="שינה, עבודה, ומה שעוזר בערב. First talk.",
            general_notes=("הגיע באוטובוס.", "Walks: keep."),
            timed_notes=(("00:09", "Mentions work."), ("00:00:12.500", "שינה")),
        )
        await self.work(session_id)  # by the recogniser of this machine
        await self.program.hand_in(NOA, session_id, _edited)
        await self.work(session_id)
        await self.closed("closed, in Hebrew", TAL_SAYS, HEBREW, languages=("he-IL",))
        await self.closed("closed, patient without an account", NO_ACCOUNT, ENGLISH)
        await self.closed("closed, link unconfirmed", STRANGER)
        session_id = await self.closed("closed, link confirmed by hand", NICKNAME)
        await self._post(f"/sessions/{session_id}/patient-link", json={"patient_id": "300000015"})
        await self.closed("closed, by another therapist", DANA_SAYS, email=OMER)

    async def _waiting(self) -> None:
        await self.transcribed("for review", TAL_SAYS, ENGLISH)
        await self.transcribed("for review, in Hebrew", TAL_SAYS, HEBREW, languages=("he-IL",))
        await self.transcribed("for review, nothing was said", TAL_SAYS, ())
        session_id = await self.transcribed("for review, corrected", NO_ACCOUNT)
        told = {"summary": "Corrected by hand.", "session_date": "2026-02-28", "patient": DANA_SAYS}
        await self.program.ask("PATCH", f"/sessions/{session_id}", NOA, json=told, expected=200)
        await self.transcribed("for review, link unconfirmed", STRANGER)
        await self.begin("awaiting transcript", TAL_SAYS)
        session_id = await self.transcribed("closing", TAL_SAYS, ENGLISH)
        await self.program.hand_in(NOA, session_id, _edited)
        session_id = await self.begin("claimed, the lease ran out", DANA_SAYS)
        try:
            await self.work(session_id, speech=_Dead())
        except Died:
            CLOCK.on(minutes=5)

    async def _failed(self) -> None:
        session_id = await self.begin("failed, language", DANA_SAYS, languages=("he-IL",))
        await self.work(session_id)
        session_id = await self.begin("failed once, to be tried again", DANA_SAYS)
        await self.work(session_id, speech=MemorySpeech(failure=EngineFailed()))
        session_id = await self.begin("failed five times", DANA_SAYS)
        for _ in range(5):
            await self.work(session_id, speech=MemorySpeech(failure=EngineFailed()))
            CLOCK.on(minutes=10)
        session_id = await self.begin("failed, then asked for again", DANA_SAYS)
        await self.work(session_id, speech=MemorySpeech(failure=EngineFailed(transient=False)))
        await self._post(f"/sessions/{session_id}/retry", 202, json={"languages": ["en-GB"]})
        session_id = await self.transcribed("failed while closing", TAL_SAYS)
        await self.program.hand_in(NOA, session_id, _edited)
        await self.work(session_id, sentiment=Broken())

    async def _cancelled(self) -> None:
        audio = self.tone()
        session_id = await self.transcribed("erased, sent again since", TAL_SAYS, audio=audio)
        await self._delete(session_id)
        await self.begin(
            "awaiting transcript, sent again after it was erased", TAL_SAYS, audio=audio
        )
        session_id = await self.begin("erased", DANA_SAYS)
        await self._delete(session_id)

    async def _delete(self, session_id: str) -> None:
        await self.program.ask("DELETE", f"/sessions/{session_id}", NOA, expected=204)

    async def _post(self, path: str, expected: int = 200, **more: Any) -> None:
        await self.program.ask("POST", path, NOA, expected=expected, **more)


class _Dead:
    """Speech in which the worker dies."""

    def transcribe(self, *_: object) -> Any:
        raise Died


def _edited(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Correct the patient's first line; of more than two give one to nobody and leave one out."""
    edited = [dict(each) for each in lines]
    spoken = next(each for each in edited if each["speaker"] == "Patient")
    spoken["text"] += " Please."
    if len(edited) > 2:
        edited[2]["speaker"] = "Unknown"
        del edited[-1]
    return edited
