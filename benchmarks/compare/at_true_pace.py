"""Eight uploads of 50 minutes at once, with an engine that takes as long as Azure's: recording to push.

The fake of Fast Transcription answers after 1/20 of a recording's length (times --pace). A therapist's phone
is registered; a push is timed from when its upload began.
"""

from __future__ import annotations

import http.client
import json
import time
from typing import Any

from benchmarks.compare.client import SignedIn, ask, sign_in
from benchmarks.compare.measuring import Line, Scale
from benchmarks.compare.practice import THERAPIST
from benchmarks.compare.processes import load_average, tree_cpu, watching
from benchmarks.compare.results import Sample
from benchmarks.compare.send_recordings import send_all
from benchmarks.compare.systems import AZURE, System
from benchmarks.compare.uploads import counts, job, memory, recordings

AT_ONCE, MINUTES = 8, 50.0
PART_OF_LENGTH = 1 / 20
PATIENCE = 1_800.0
EVERY = 0.5


def measure(system: System, scale: Scale) -> list[Sample]:
    """Return the minutes from the beginning of an upload to its push."""
    minutes = min(MINUTES, scale.minutes)
    settings = system.environment
    works_for = minutes * 60 * PART_OF_LENGTH * scale.pace
    tell(
        settings["THERAPY_FAST_TRANSCRIPTION_ENDPOINT"],
        "POST",
        "/_script",
        {"works_for": works_for},
    )
    signed_in = sign_in(system, THERAPIST)
    register(system, signed_in)
    before, cpu = load_average(), tree_cpu(system.pid)
    with watching(system.pid) as watch:
        found = send_all(job(system, recordings(signed_in, AT_ONCE, minutes)))
        began = {
            each["body"]["session_id"]: each["began"] for each in found if each["status"] == 202
        }
        pushed = pushes(settings["FCM_STAND_IN"], set(began))
    waited = sorted((pushed[each] - began[each]) / 60 for each in began) or [0.0]
    numbers = {
        "p50 minutes to push": waited[len(waited) // 2],
        "p95 minutes to push": waited[min(len(waited) - 1, int(len(waited) * 0.95))],
        "s until the last 202": max(each["answered"] - each["began"] for each in found),
        "CPU s": tree_cpu(system.pid) - cpu,
        "engine s for each": works_for,
    }
    sample = Sample(
        line="eight uploads",
        system=system.name,
        requests=len(found),
        failed=len(found) - len(began),
        answers=counts(found),
        load=(before, load_average()),
        numbers=numbers | memory(watch),
    )
    return [sample]


def register(system: System, who: SignedIn) -> None:
    """Register a phone for the person's pushes."""
    body = {"token": "bench", "platform": "ANDROID", "user_id": who.user, "user_type": "THERAPIST"}
    ask(system, "POST", "/devices/register", token=who.token, body=body)


def pushes(fcm: str, sessions: set[str]) -> dict[str, float]:
    """Wait until each of these sessions had its push; return when, as `time.time()`.

    Raises:
        RuntimeError: some had none after PATIENCE seconds.
    """
    until, found = time.time() + PATIENCE, dict[str, float]()
    while sessions - found.keys():
        if time.time() > until:
            raise RuntimeError(f"{len(sessions - found.keys())} recordings had no push")
        for message in tell(fcm, "GET", "/_seen")["messages"]:
            found.setdefault(message["data"]["dataId"], time.time())
        time.sleep(EVERY)
    return found


def tell(url: str, method: str, path: str, body: object = None) -> Any:
    """Ask a fake, and return the JSON of its answer."""
    host, _, port = url.removeprefix("http://").rstrip("/").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.request(method, path, None if body is None else json.dumps(body))
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


LINES = [
    Line(
        "eight-uploads",
        f"{AT_ONCE} uploads of {MINUTES:g} minutes at once, engines at true pace: recording to push",
        (AZURE,),
        measure,
        alone=True,
        jobs=0,
        once=True,
    )
]
