"""Two submissions of one session at one moment: what comes of many pairs of different and of equal ones.

A running embedded server (`therapy all` with two API processes over one store) and a session in review for
each pair. Of different ones exactly one must be taken (202), whole, and the other refused (409 or 412); of
equal ones both are taken, as one version. Exits with 1 otherwise. `--lines` says how long transcripts are.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.embedded_server import (  # noqa: E402 - the path comes first
    PASSWORD,
    THERAPIST,
    data_directory,
    running_server,
    seed,
)
from benchmarks.password_races import free_port  # noqa: E402 - as above
from therapy.config import read_settings  # noqa: E402 - as above
from therapy.domain.session import (  # noqa: E402 - as above
    Details,
    Recording,
    Session,
    SessionPatient,
    State,
)
from therapy.domain.transcript import (  # noqa: E402 - as above
    Source,
    Speaker,
    TranscriptVersion,
    Utterance,
)
from therapy.repositories.change import Change  # noqa: E402 - as above
from therapy.wiring import open_records  # noqa: E402 - as above

PAIRS_AT_ONCE = 4
APART_SECONDS = 0.005
"""The second of a pair is sent up to so long after the first."""


@dataclass
class Outcome:
    """How pairs were answered, and what was wrong."""

    answers: Counter[tuple[str, tuple[int, ...]]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


async def write_sessions(data: Path, count: int, lines: int) -> list[str]:
    """Write sessions in review; return their ids."""
    settings, written = read_settings({"THERAPY_DATA_DIR": str(data)}), []
    async with open_records(settings) as records:
        if records is None:
            raise SystemExit("there is no practice")
        me = await records.people.by_email(THERAPIST)
        for _ in range(count):
            session = Session(
                id=uuid.uuid4().hex,
                practice_id=me.practice_id,
                therapist_id=me.id,
                therapist_name=me.full_name,
                therapist_email=me.email,
                details=Details(SessionPatient("000000000", "Nobody"), date(2026, 3, 4)),
                recording=Recording(uuid.uuid4().hex, 44, "0" * 64, "audio/wav"),
                created_at=datetime.now(UTC),
                state=State.AWAITING_REVIEW,
                transcript_number=1,
            )
            change = Change(records.sessions.write(session))
            change.add(*await records.transcripts.new(me.practice_id, a_version(session.id, lines)))
            await change.commit(records.store)
            written.append(session.id)
    return written


def a_version(session_id: str, lines: int) -> TranscriptVersion:
    spoken = [
        Utterance(at * 3_000, at * 3_000 + 2_000, f"Line {at}.", Speaker.PATIENT)
        for at in range(lines)
    ]
    return TranscriptVersion(
        session_id, 1, 0, Source.MACHINE, datetime.now(UTC), tuple(spoken), language="en-US"
    )


def saying(lines: int, text: str) -> list[dict[str, Any]]:
    """Every line says the same, so that a mixture of two would show."""
    return [{"start_ms": at * 3_000, "speaker": "Patient", "text": text} for at in range(lines)]


async def submit(http: httpx.AsyncClient, session_id: str, lines: list[dict[str, Any]]) -> int:
    await asyncio.sleep(random.uniform(0, APART_SECONDS))  # noqa: S311 - no secret
    path, headers = f"/sessions/{session_id}/submit", {"If-Match": '"1"'}
    answer = await http.post(path, json={"lines": lines}, headers=headers)
    return answer.status_code


async def pair(
    http: httpx.AsyncClient, session_id: str, kind: str, lines: int, outcome: Outcome
) -> None:
    texts = ("First.", "Second." if kind == "different" else "First.")
    statuses = await asyncio.gather(
        *(submit(http, session_id, saying(lines, text)) for text in texts)
    )
    outcome.answers[kind, tuple(sorted(statuses))] += 1
    taken = {text for text, status in zip(texts, statuses, strict=True) if status == 202}
    refused = sum(status in {409, 412} for status in statuses)
    allowed = (1, 1) if kind == "different" else (2, 0)
    if (statuses.count(202), refused) != allowed:
        outcome.wrong.append(f"{kind}: answered {statuses}")
    versions = (await http.get(f"/sessions/{session_id}/versions")).json()["items"]
    said = (await http.get(f"/sessions/{session_id}/versions/2")).json()["lines"]
    if len(versions) != 2 or len(said) != lines or {each["text"] for each in said} != taken:
        outcome.wrong.append(f"{kind}: {len(versions)} versions, {len(said)} lines")


async def run(url: str, sessions: Sequence[str], lines: int) -> Outcome:
    outcome, gate = Outcome(), asyncio.Semaphore(PAIRS_AT_ONCE)
    limits = httpx.Limits(max_keepalive_connections=0)  # so that both processes get requests
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as http:
        login = await http.post("/auth/login", json={"email": THERAPIST, "password": PASSWORD})
        http.headers["Authorization"] = f"Bearer {login.json()['token']}"

        async def one(number: int, session_id: str) -> None:
            async with gate:
                kind = "equal" if number % 2 else "different"
                await pair(http, session_id, kind, lines, outcome)

        await asyncio.gather(*(one(*each) for each in enumerate(sessions)))
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000, help="of each kind")
    parser.add_argument("--lines", type=int, default=40)
    options = parser.parse_args()
    several = {
        "GUNICORN_WORKERS": "2",
        "PORT": str(free_port()),
        "SPEECH_LANGUAGE": "en-US",
        "THERAPY_LONG_BODIES": str(2 * PAIRS_AT_ONCE),  # one therapist sends all
    }
    with data_directory() as data:
        seed(data, several)
        sessions = asyncio.run(write_sessions(data, 2 * options.pairs, options.lines))
        with running_server(data, environment=several, command="all") as server:
            outcome = asyncio.run(run(server.url, sessions, options.lines))
    for (kind, statuses), count in sorted(outcome.answers.items()):
        print(f"{kind:10} {statuses}  {count}")
    print("\n".join(outcome.wrong) or "never a mixture, never two versions")
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
