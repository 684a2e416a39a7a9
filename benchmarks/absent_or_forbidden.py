"""Whether the time of a 404 tells a session that is someone else's from one that never was.

The colleague's session has the greatest details and the longest transcript that are accepted. Requests for it
and for random ids are sent in pairs, in random order, over one connection for each kind of request, to a real
server; AUC is how often the colleague's takes longer (Mann-Whitney; 0.5 = nobody can tell). It must be within
0.45 and 0.55. `--even 0` shows what the time told before answers were evenly timed.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.builders import PRACTICE, a_session, a_version, an_utterance  # noqa: E402 - the path comes first
from tests.http.clinic import ALEX, OLIVIA, populate, settings_in  # noqa: E402 - the path comes first
from therapy.domain.access import Actor  # noqa: E402 - the path comes first
from therapy.domain.session import Details, SessionPatient, State, TimedNote  # noqa: E402 - the path comes first
from therapy.entrypoints.cli.own_server import running_server  # noqa: E402 - the path comes first
from therapy.repositories.change import Change  # noqa: E402 - the path comes first
from therapy.wiring import open_therapy  # noqa: E402 - the path comes first

SESSION = uuid.uuid4().hex
LINES = 20_000
NOTES = 2_000
SECRET = "a signing secret of the benchmark, which is long enough"  # noqa: S105 - opens nothing

JSON = {"Content-Type": "application/json"}
REQUESTS: dict[str, tuple[str, str, bytes, dict[str, str]]] = {
    "the session": ("GET", "/sessions/{}", b"", {}),
    "its details": ("GET", "/sessions/{}/details", b"", {}),
    "its transcript": ("GET", "/sessions/{}/transcript", b"", {}),
    "its lines for review": ("GET", "/data/transcript/{}", b"", {}),
    "its recording": ("GET", "/sessions/{}/recording", b"", {}),
    "submitting": (
        "PUT",
        "/data/transcript/{}",
        b'[{"speaker":"Patient","text":"Hm.","timestamp":"00:01"}]',
        JSON,
    ),
    "correcting": ("PATCH", "/sessions/{}", b'{"summary":"x"}', JSON),
    "cancelling": ("DELETE", "/sessions/{}", b"", {}),
    "retrying": ("POST", "/sessions/{}/retry", b"", {}),
    "linking": ("POST", "/sessions/{}/patient-link", b'{"patient_id":"203948571"}', JSON),
}


async def fill(folder: Path) -> str:
    """Write both therapists and ALEX's session; return a token for OLIVIA."""
    async with open_therapy(settings_in(folder, JWT_SECRET_KEY=SECRET)) as therapy:
        records = therapy.installation.records
        await populate(records)
        notes = tuple(TimedNote("00:01", f"Note {at} " + "word " * 8) for at in range(NOTES))
        details = Details(
            SessionPatient("203948571", "Jordan White"),
            a_session().details.date,
            summary="A long summary. " * 50_000,
            timed_notes=notes,
        )
        session = a_session(
            id=SESSION,
            practice_id=PRACTICE,
            therapist_id=ALEX.id,
            details=details,
            state=State.AWAITING_REVIEW,
            transcript_number=1,
            version=0,
        )
        said = (an_utterance("I slept better this week.", at * 100) for at in range(LINES))
        version = a_version(1, session_id=SESSION, utterances=tuple(said))
        change = Change(records.sessions.write(session))
        change.add(*await records.transcripts.new(PRACTICE, version))
        await change.commit(records.store)
        actor = Actor(OLIVIA.id, OLIVIA.role, PRACTICE, "login-1")
        return therapy.installation.sign_in.tokens.issue(actor, now=records.now())[0]


def auc(longer: Sequence[float], shorter: Sequence[float]) -> float:
    """Return how often a value of the first is greater than one of the second; ties count a half."""
    ranked = sorted([(each, True) for each in longer] + [(each, False) for each in shorter])
    wins, below, at = 0.0, 0, 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        first = sum(which for _, which in ranked[at:end])
        wins += first * (below + (end - at - first) / 2)
        below += end - at - first
        at = end
    return wins / (len(longer) * len(shorter))


class Asking:
    """One connection of OLIVIA's."""

    def __init__(self, url: str, token: str) -> None:
        address = urlsplit(url)
        self.connection = http.client.HTTPConnection(str(address.hostname), address.port)
        self.head = {"Authorization": f"Bearer {token}"}

    def time(self, name: str, session_id: str) -> float:
        """Ask; return the microseconds until the answer."""
        method, path, body, head = REQUESTS[name]
        began = time.perf_counter()
        self.connection.request(method, path.format(session_id), body, self.head | head)
        answer = self.connection.getresponse()
        content = answer.read()
        taken = (time.perf_counter() - began) * 1e6
        if answer.status != 404 or json.loads(content)["code"] != "not_found":
            raise SystemExit(f"{method} {path}: {answer.status}, so this measures nothing")
        return taken


def measure(url: str, token: str, name: str, *, pairs: int) -> float:
    asking = Asking(url, token)
    forbidden, absent = list[float](), list[float]()
    for at in range(pairs + 20):
        turns = [(SESSION, forbidden), (uuid.uuid4().hex, absent)]
        random.shuffle(turns)
        for session_id, times in turns:
            taken = asking.time(name, session_id)
            if at >= 20:  # the first ones warm up
                times.append(taken)
    found = auc(forbidden, absent)
    medians = statistics.median(forbidden), statistics.median(absent)
    print(f"{name:<24} {medians[0]:9.0f} {medians[1]:8.0f} {found:6.3f}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=800)
    parser.add_argument("--even", default="100", help="THERAPY_EVEN_TIMES_MS")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="therapy-404-") as name:
        folder = Path(name)
        token = asyncio.run(fill(folder / "data"))
        settings = {
            "PATH": os.environ["PATH"],
            "THERAPY_DATA_DIR": str(folder / "data"),
            "JWT_SECRET_KEY": SECRET,
            "THERAPY_EVEN_TIMES_MS": asked.even,
            "PORT": "0",
        }
        print(f"{'microseconds':<24} {'forbidden':>9} {'absent':>8} {'AUC':>6}")
        with running_server(folder, settings, "--no-worker") as server:
            one = partial(measure, server.url, token, pairs=asked.pairs)
            # At once, because most of the time is spent waiting; one after another if nothing waits.
            with ThreadPoolExecutor(len(REQUESTS) if asked.even != "0" else 1) as threads:
                found = list(threads.map(one, REQUESTS))
    if not all(0.45 <= each <= 0.55 for each in found):
        raise SystemExit("the time tells whose sessions exist")


if __name__ == "__main__":
    main()
