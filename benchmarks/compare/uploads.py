"""Uploads of an hour's recording (317 MB), one and four at once, until 202 and until all wait for review.

The fake engines answer at once: what is measured is the service. CPU is of its whole tree; what files for
players take meanwhile, which the reference has none of, is told apart. Memory is the most that was seen
until review, and until the files for players are made, too, and all is quiet.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks.compare.client import SignedIn, ask, sign_in
from benchmarks.compare.limits import bare_server, decoder
from benchmarks.compare.machine import take_memory
from benchmarks.compare.measuring import Line, Place, Scale
from benchmarks.compare.practice import THERAPIST
from benchmarks.compare.processes import Watch, load_average, tree_cpu, until_idle, watching
from benchmarks.compare.results import Sample
from benchmarks.compare.send_recordings import bytes_of, send_all
from benchmarks.compare.systems import AZURE, EMBEDDED_ONE, OURS, REFERENCE, System

MANY = 4
UNTIL_202 = "upload until 202"
"""The line of the rate that is bounded over Azure."""

EVERY = 0.2
"""Seconds between two looks at the inbox."""

WITH_PLAYBACK = "peak PSS MB with playback"
"""The most memory until the last file for players is made."""

PATIENCE = 900.0
TAKEN = 2
"""Times what is uploaded: so much memory is taken before, for the file and for who sends and stores it."""


def recordings(
    signed_in: SignedIn, count: int, minutes: float, first: int = 1
) -> list[dict[str, Any]]:
    """Return recordings as `send_recordings` takes them."""
    who = {"token": signed_in.token, "user": signed_in.user, "minutes": minutes}
    return [who | {"number": first + each} for each in range(count)]


def job(system: System, to_send: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a job of `send_recordings`."""
    host, port = system.address
    return {"host": host, "port": port, "recordings": to_send}


def measure(system: System, scale: Scale) -> list[Sample]:
    """Return one recording's figures, then those of four at once; embedded, until 202 only.

    Before, what the system starts has started, which `starts` measures: it answers while its workers still
    import what they need. In between the first one's file for players is made, and its memory watched:
    decoding it once more is no part of the four.
    """
    signed_in = sign_in(system, THERAPIST)
    until_idle(system.pid)
    review = system.name != EMBEDDED_ONE  # there it waits for the recogniser, which `hour` measures
    one = upload(system, recordings(signed_in, 1, scale.minutes), signed_in, review=review)
    many = recordings(signed_in, MANY, scale.minutes, 2)
    return [one, upload(system, many, signed_in, review=review)]


def measure_until_202(system: System, scale: Scale) -> list[Sample]:
    """Return one recording's rate until 202."""
    signed_in = sign_in(system, THERAPIST)
    until_idle(system.pid)
    return [unwatched(system, recordings(signed_in, 1, scale.minutes), system.name)]


def bare_until_202(place: Place) -> list[Sample]:
    """Return the rate of the same upload to an application that only writes it to Azurite."""
    to_send = recordings(SignedIn("nobody", "none"), 1, place.scale.minutes)
    with bare_server("azurite", place) as server:
        return [unwatched(server, to_send, "bare-azurite")]


def unwatched(system: System, to_send: list[dict[str, Any]], name: str) -> Sample:
    """Send recordings while nothing else is measured: looks at the memory of a tree take a core's tenth."""
    size = sum(bytes_of(each["minutes"]) for each in to_send)
    take_memory(system.folder, TAKEN * size)
    before, cpu = load_average(), tree_cpu(system.pid)
    found = send_all(job(system, to_send))
    spent = tree_cpu(system.pid) - cpu
    took = max(each["answered"] for each in found) - min(each["began"] for each in found)
    return Sample(
        line=UNTIL_202,
        system=name,
        requests=len(found),
        failed=sum(each["status"] != 202 for each in found),
        answers=counts(found),
        load=(before, load_average()),
        numbers={"s until 202": took, "MB/s": size / took / 1e6, "CPU s until 202": spent},
    )


def upload(
    system: System, to_send: list[dict[str, Any]], signed_in: SignedIn, *, review: bool
) -> Sample:
    """Send recordings, wait until they are in the inbox, and return times, CPU and memory.

    With `review` it also waits for their files for players, for nothing but the most memory until then.
    """
    size = sum(bytes_of(each["minutes"]) for each in to_send)
    take_memory(system.folder, TAKEN * size)
    before, cpu = load_average(), tree_cpu(system.pid)
    with watching(system.pid) as watch:
        found = send_all(job(system, to_send))
        until_answered = tree_cpu(system.pid) - cpu
        last = max(each["answered"] for each in found)
        sessions = {each["body"]["session_id"] for each in found if each["status"] == 202}
        reviewed = in_review(system, signed_in.token, sessions) if review else 0.0
        spent = tree_cpu(system.pid) - cpu
        of_playback, most = watch.playback_cpu, memory(watch)
        if review:
            wait_for_playback(system, signed_in.token, sessions)
            most[WITH_PLAYBACK] = watch.peak_pss
    took = last - min(each["began"] for each in found)
    numbers = {"s until 202": took, "MB/s": size / took / 1e6, "CPU s until 202": until_answered}
    if review and sessions:
        numbers |= {
            "s from 202 to review": reviewed - last,
            "CPU s": spent,
            "CPU s without playback": spent - of_playback,
        }
    return Sample(
        line=f"upload of {len(to_send)}",
        system=system.name,
        requests=len(found),
        failed=len(found) - len(sessions),
        answers=counts(found),
        load=(before, load_average()),
        numbers=numbers | most,
    )


def memory(watch: Watch) -> dict[str, float]:
    """Return the most that the tree took."""
    return {"peak PSS MB": watch.peak_pss, "peak RSS MB": watch.peak_rss}


def counts(found: list[dict[str, Any]]) -> dict[str, int]:
    """Return how often each status was the answer."""
    statuses = [str(each["status"]) for each in found]
    return {each: statuses.count(each) for each in sorted(set(statuses))}


def in_review(system: System, token: str, sessions: set[str]) -> float:
    """Wait until all these sessions are in the inbox; return when the last was, as `time.time()`.

    Raises:
        RuntimeError: some are not after PATIENCE seconds.
    """
    until = time.time() + PATIENCE
    while time.time() < until:
        waiting = {each["id"] for each in ask(system, "GET", "/data/pending", token=token)}
        if sessions <= waiting:
            return time.time()
        time.sleep(EVERY)
    raise RuntimeError(f"{system.name}: {len(sessions - waiting)} recordings did not reach review")


def wait_for_playback(system: System, token: str, sessions: set[str]) -> None:
    """Wait until all files for players are made, which the reference has none of, and the tree is idle.

    Raises:
        RuntimeError: one failed, or is not made after PATIENCE seconds.
    """
    until = time.time() + PATIENCE
    for each in sessions if system.name in OURS else ():
        while (found := playback(system, token, each)) == "pending" and time.time() < until:
            time.sleep(EVERY)
        if found != "ready":
            raise RuntimeError(f"{system.name}: the file for players of {each} is {found}")
    until_idle(system.pid)


def playback(system: System, token: str, session: str) -> str:
    """Return how far a session's file for players is."""
    return str(ask(system, "GET", f"/sessions/{session}", token=token)["playback"])


def bare(kind: str) -> Any:
    """Return the measurement of the same upload to an application that does nothing else."""

    def measure_bare(place: Place) -> list[Sample]:
        nobody = SignedIn("nobody", "none")
        to_send = recordings(nobody, 1, place.scale.minutes)
        size = bytes_of(place.scale.minutes)
        with bare_server(kind, place) as server:
            take_memory(place.folder, TAKEN * size)
            before, cpu = load_average(), tree_cpu(server.pid)
            with watching(server.pid) as watch:
                found = send_all(job(server, to_send))
            spent = tree_cpu(server.pid) - cpu
        took = found[0]["answered"] - found[0]["began"]
        return [
            Sample(
                line="upload of 1",
                system=f"bare-{kind}",
                requests=1,
                failed=int(found[0]["status"] != 202),
                answers=counts(found),
                load=(before, load_average()),
                numbers={"s until 202": took, "MB/s": size / took / 1e6, "CPU s until 202": spent}
                | memory(watch),
            )
        ]

    return measure_bare


LINES = [
    Line(
        "uploads",
        "317 MB until 202, and until review with engines that answer at once; one and four",
        (EMBEDDED_ONE, AZURE, REFERENCE),
        measure,
        {
            "bare-file": bare("file"),
            "bare-azurite": bare("azurite"),
            "bare-sink": bare("sink"),
            "decoder": decoder,
        },
        alone=True,
        jobs=0,
        without_worker=(EMBEDDED_ONE,),
    ),
    Line(
        "until-202",
        "317 MB until 202 over Azure, twice as often: from round to round it differs by a fifth",
        (AZURE,),
        measure_until_202,
        {"bare-azurite": bare_until_202},
        alone=True,
        jobs=0,
        times=2,
    ),
]
