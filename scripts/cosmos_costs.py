"""What calls cost on Cosmos DB: `python scripts/cosmos_costs.py` prints the page.

`cosmos_costs.json` has the requests and request units of every call of a session's life, counted on the
emulator by `python -m tests.azure.count_cosmos_costs`; tests/azure/test_cosmos_costs.py counts again and
compares. scripts/docs.py makes docs/reference/cosmos.md from it. What a unit is said to be, see
tests/emulators/cosmos_charges.cjs.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import NamedTuple

from therapy.adapters.azure.cosmos.container_definitions import SHAPES

READ, WRITE, QUERY, PER_KB, PER_WORD = 1.0, 5.0, 3.0, 0.1, 0.25
"""Request units of a small point read, an insert or deletion, a query, each KB it loads, an indexed word."""

FULL_LISTS = {
    "`GET /data/pending`": 20 * 1.5,
    "`GET /profiles/search`": 50 * 1.0,
    "`GET /sessions/me`, therapist": 100 * 1.5,
    "`GET /sessions/me`, patient": 20 * 1.5,
    "`GET /sessions/search`": 10 * 2 + 10 * 20.0,
}
"""KB that a call loads from a list which is full; it was counted with one entry."""


class Cost(NamedTuple):
    """A call of the app, a person or a worker: requests by kind, and request units, what follows included."""

    call: str
    requests: dict[str, int]
    counted: float

    @property
    def units(self) -> float:
        """The request units of the call where lists are full."""
        return self.counted + PER_KB * FULL_LISTS.get(self.call, 0)


_COUNTED = json.loads((Path(__file__).parent / "cosmos_costs.json").read_text())
COSTS = tuple(Cost(call, cost["requests"], cost["ru"]) for call, cost in _COUNTED.items())

CHECK = "an access token, once in 3 seconds a login and process"

LIFE = (
    ("The recording arrives", {"`POST /sessions/upload`": 1, CHECK: 1}),
    (
        "It is transcribed: 10 minutes of work, a beat every 10 seconds",
        {"a worker transcribes, a push is sent": 1, "a beat": 60},
    ),
    (
        "Insights are found in it: 2 minutes of waiting",
        {"a worker finds insights": 1, "a beat": 12},
    ),
    (
        "The therapist watches, reads and submits",
        {
            "`GET /sessions/{id}`, waiting": 20,
            "`GET /data/pending`": 2,
            "`GET /data/transcript/{id}`": 1,
            "`PUT /data/transcript/{id}`": 1,
            CHECK: 24,
        },
    ),
    ("It is scored and closed", {"a worker scores and closes": 1, "a beat": 1}),
    (
        "Two people look at lists, find and read it again",
        {
            "`POST /auth/refresh`": 4,
            "`GET /sessions/me`, therapist": 6,
            "`GET /sessions/me`, patient": 2,
            "`GET /sessions/search`": 1,
            "`GET /sessions/{id}/details`, therapist": 2,
            "`GET /sessions/{id}/details`, patient": 2,
            CHECK: 13,
        },
    ),
)

BEFORE = {
    "add an account": (2, 10.0),
    "`POST /auth/login`": (6, 18.0),
    "`POST /auth/refresh`": (7, 20.0),
    "`POST /devices/register`": (3, 11.0),
    "`GET /profiles/me`": (1, 1.0),
    "`GET /profiles/search`": (1, 3.1),
    "`POST /sessions/upload`": (21, 92.0),
    "`GET /sessions/{id}`, waiting": (4, 6.0),
    "a worker transcribes, a push is sent": (31, 208.2),
    "`GET /data/pending`": (1, 3.1),
    "`GET /data/transcript/{id}`": (2, 13.2),
    "`PUT /data/transcript/{id}`": (14, 138.3),
    "a worker scores and closes": (29, 591.6),
    "`GET /sessions/me`, therapist": (1, 3.1),
    "`GET /sessions/search`": (2, 7.5),
    "`GET /sessions/{id}/details`, therapist": (4, 14.5),
    "`GET /sessions/{id}`, closed": (5, 17.6),
    "`POST /devices/unregister/{userId}`": (5, 11.0),
    "`GET /sessions/me`, patient": (2, 4.1),
    "`GET /sessions/{id}/details`, patient": (4, 14.5),
    "`POST /auth/forgot-password`": (5, 13.0),
    "`POST /auth/change-password`": (10, 40.1),
}
"""Requests and units at 148999e, the last program with a container for each record: counted once, with the
same session, emulator and charges."""

_VERSION = (
    "what was found in a transcript is in items beside its words, read in one query: "
    "3 RU, where a read is 1"
)
_CREDENTIALS = "([18](../adr/018-credential-epoch.md))"
_GUESSING = "([17](../adr/017-guessing.md))"
WHAT_FOR = {
    "add an account": "the entry in the search over people, by the outbox "
    "([10](../adr/010-one-store.md))",
    "`POST /auth/login`": "a login is written only if the credentials are still those that were "
    f"read: 10 RU, or 5 at the first sign-in {_CREDENTIALS}; from where an account was signed in "
    "to: a read, and a write once a day and address, which is counted here, and without which it "
    f"is 5 requests {_GUESSING}",
    "`POST /devices/register`": "a device is written only while its login lives, which is looked "
    f"at again afterwards {_CREDENTIALS}",
    "`POST /sessions/upload`": "limits of open uploads and of bytes a day, the place in the waiting "
    f"list ([19](../adr/019-fair-shares.md)), the login is read again {_CREDENTIALS}",
    "a worker transcribes, a push is sent": "a run for insights "
    f"([24](../adr/024-language-and-insights.md)), devices of living logins only {_CREDENTIALS}",
    "`GET /data/transcript/{id}`": _VERSION,
    "`PUT /data/transcript/{id}`": f"a version's header is an item of its own; {_VERSION}",
    "`GET /sessions/{id}/details`, therapist": _VERSION,
    "`GET /sessions/{id}`, closed": _VERSION,
    "`GET /sessions/me`, patient": "what the practice or an undone link withholds "
    "([21](../adr/021-undone-links.md))",
    "`GET /sessions/{id}/details`, patient": f"what the practice withholds; {_VERSION}",
    "`POST /auth/forgot-password`": "the letter goes through the outbox, so that the answer says "
    f"nothing of the account {_GUESSING}",
    "`POST /auth/change-password`": f"the epoch, and what follows from it {_CREDENTIALS}",
}
"""What the calls do that cost more requests or units than before."""

LEAST_DEARER = 0.5
"""Units by which a call must cost more before that needs a reason: sizes vary a little."""

# Each of six commits leaves a hint, some more follow the lease: asked about and deleted by a sweep.
CLEANING = 40 * (QUERY + PER_KB * 0.1) + 14 * WRITE + 8 * WRITE
SWEEP = 2 * QUERY
SWEEPS = 30 * 24 * 3600 / 10  # a month of one worker's, every 10 seconds
PRICE = 0.25  # of a million request units without provisioned throughput, in dollars
PEAK = 8  # times the mean, in the busiest hour
KB_KEPT = 3 * 125 + 20 * 2.5 + 15
RUS_FOR_GB = 10  # a database with autoscale has at least so many RU/s as its maximum for each GB
LEAST_MAXIMUM = 1_000
SERVERLESS_GB = 1_000  # what a container holds without provisioning
LONG = 50  # years
MONTH_HEAD = [
    *("sessions a month", "workers", "million RU for sessions", "for sweeps", "together"),
    *("mean RU/s", "in the busiest hour", "without provisioning", "grows by"),
    *("autoscale maximum, at first", "after a year", "serverless ends after"),
]
MONTHS = ((10, 1), (1_000, 2), (100_000, 8))  # sessions and workers

CONTENTS = {
    "items": (
        "one a session, a practice, a person who signs in, an e-mail address, …",
        "every record, with what follows from its changes",
        "a day after its end",
    ),
    "hints": ("2", "from when on something may be due in a partition of `items`", ""),
    "session-entries": (
        "one an entry; one a therapist's and one a patient's list",
        "the entry and which lists have it; its copies and words",
        "what left a list, after 7 days",
    ),
    "person-entries": (
        "one a practice",
        "what the search over people shows of an account",
        "what is left of a removed person, after 7 days",
    ),
}


def containers_table() -> str:
    """What is in which container; names, indexes and expiry are the code's."""
    rows = [["container", "partitions", "items", "indexed", "expires"]]
    for shape in SHAPES:
        partitions, items, expiry = CONTENTS[shape.name]
        if bool(expiry) is not shape.expires:
            raise ValueError(shape.name)
        indexed = ", ".join(f"`{path.strip('/')}`" for path in shape.indexed)
        rows.append([f"`{shape.name}`", partitions, items, indexed or "-", expiry or "-"])
    return table(rows)


def life_units() -> list[tuple[str, float]]:
    """Request units of each part of a session's life."""
    units = {cost.call: cost.units for cost in COSTS}
    parts = [(name, sum(units[call] * n for call, n in calls.items())) for name, calls in LIFE]
    return [*parts, ("The index of what is due is cleaned", CLEANING)]


def session_units() -> float:
    """Request units of a whole session."""
    return sum(units for _, units in life_units())


def table(rows: list[list[str]]) -> str:
    """A table in Markdown; the first row is its head."""
    head, *body = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *body])


def calls_table() -> str:
    """Every call with its requests and request units."""
    rows = [["call", "requests", "number", "RU", "lists full"]]
    for cost in COSTS:
        kinds = ", ".join(f"{number} {kind}" for kind, number in cost.requests.items())
        full = f"{cost.units:.0f}" if cost.call in FULL_LISTS else "-"
        number = sum(cost.requests.values())
        rows.append([cost.call, kinds, str(number), f"{cost.counted:.0f}", full])
    return table(rows)


def before_table() -> str:
    """Every call beside what it was before there was one store, and why if it is dearer."""
    rows = [["call", "requests before", "now", "RU before", "now", "the more is for"]]
    for cost in COSTS:
        if cost.call not in BEFORE:
            continue
        number, (requests, units) = sum(cost.requests.values()), BEFORE[cost.call]
        is_dearer = number > requests or cost.counted > units + LEAST_DEARER
        if is_dearer is not (cost.call in WHAT_FOR):
            raise ValueError(cost.call)
        numbers = [f"{requests}", f"{number}", f"{units:.0f}", f"{cost.counted:.0f}"]
        rows.append([cost.call, *numbers, WHAT_FOR.get(cost.call, "-")])
    return table(rows)


def life_table() -> str:
    """A session's life in request units."""
    rows = [[name, f"{units:,.0f}"] for name, units in life_units()]
    total = ["**one session**", f"**{session_units():,.0f}**"]
    return table([["part of a session's life", "RU"], *rows, total])


def autoscale_maximum(busiest: float, kept_gb: float) -> int:
    """The least maximum in RU/s that autoscale can be set to, in steps of 1,000."""
    needed = max(LEAST_MAXIMUM, busiest, RUS_FOR_GB * kept_gb)
    return math.ceil(needed / LEAST_MAXIMUM) * LEAST_MAXIMUM


def months_table() -> str:
    """What a month costs, by the number of sessions in it."""
    rows = [MONTH_HEAD]
    for sessions, workers in MONTHS:
        living, sweeping = session_units() * sessions / 1e6, SWEEP * SWEEPS * workers / 1e6
        seconds = 30 * 24 * 3600 / 1e6
        mean, busiest = (living + sweeping) / seconds, (living * PEAK + sweeping) / seconds
        grows = sessions * KB_KEPT / 1e6
        numbers = [f"{sessions:,}", f"{workers}", f"{living:,.2f}", f"{sweeping:,.1f}"]
        numbers += [f"{living + sweeping:,.1f}", f"{mean:,.1f}", f"{busiest:,.0f}"]
        numbers += [f"${(living + sweeping) * PRICE:,.2f}", f"{grows:,.3g} GB"]
        numbers += [f"{autoscale_maximum(busiest, kept):,} RU/s" for kept in (0, 12 * grows)]
        years = SERVERLESS_GB / grows / 12
        rows.append([*numbers, f"{years:.0f} years" if years < LONG else f"> {LONG} years"])
    return table(rows)


PAGE = """\
# Cosmos DB: what is where, and what it costs

Made from `scripts/cosmos_costs.json` by `.venv/bin/python scripts/docs.py`; do not edit. A test counts
requests and request units of every call below again, on the emulator. **Request units are by the emulator's
rules**: nothing here was measured on Azure. The adapter adds up what Azure says (`Meter.request_units`).

## Containers

There are four, all partitioned by `/pk` and named `practice-…`. `therapy migrate` creates them and updates
indexes and expiry. Only the paths below are indexed; each makes writes dearer.

{containers}

A partition has the practice in its name, hashed if a name could be unusual. No request of the app queries all
partitions. A partition is limited to 20 GB and 10,000 RU/s: a therapist's list of 10,000 sessions with their
words is 0.5 GB, a practice with 100,000 accounts 0.3 GB; the index of what is due is emptied and stays small.

## Calls

The cost of a call by the app, a person or a worker, with all its consequences (entries in lists, pushes,
claims), in a session of 50 minutes and 600 utterances with the times of their words. A batch is one request,
charged as the sum of its steps. Lists were counted with one entry; "lists full" is with 100 sessions of a
therapist, 20 in review, 20 of a patient, 50 people, 20 found. A call that loses a race or is throttled makes
some more, and so does a process that has not read yet what it writes (it remembers some thousand ETags).

{calls}

A sweep asks one partition of `items` (a query, {query:.0f} RU) for each hint that has come up, and stops when
it has what it asked for. The first sweep of a process, and one in a minute, also looks at what is due later:
runs may be done before it is their turn, and the clock may have been set back. A worker that has done a run
looks for the next one in the same way: two queries of hints, and one for each of the first that wait.

The rules (Microsoft, "Optimize request cost in Azure Cosmos DB"): a point read is {read:.0f} RU for 1 KB
and 10 RU for 100 KB, an insert {write:.0f} RU and 50 RU; between and beyond these a straight line. A
deletion costs as much as an insert, **replacing twice as much** (Microsoft's calculator: 5.71, 5.71,
10.67). Strong and bounded staleness double reads. Assumed, as no document says it: a query in one partition
is {query:.0f} RU and {per_kb} RU for each KB that it loads, and each word that goes into the index
{per_word}. The last makes closing a session the dearest moment of its life and is the first thing to
measure. A search for part of a name scans the index of `fields`, so it grows with the therapist's closed
sessions, and one for people with the practice's accounts; the charge for that is not documented, and not
counted here. One for words looks up a range for each word.

## Before there was one store

Each record had a container of its own, or several, until all came into [one store](../adr/010-one-store.md).
The calls of then were counted once, with the same session and charges. What is in one partition is read in
one query since, and written in one batch. Where a call costs more, it does more: the last column says what.

{before}

## A session

{life}

## A month

{months}

Sweeps are {sweep:.0f} RU every 10 seconds for each worker (`THERAPY_SWEEP_SECONDS`). "Without provisioning"
is a serverless account at an assumed ${price} a million RU: look your region's price up. The busiest hour is
taken for {peak} times the mean. Up to some thousand sessions a month a serverless account is the cheapest;
beyond that autoscale on the database, shared by the four containers, with at least the busiest RU/s
(`--max-throughput`). Its maximum can't be below {rus_for_gb} RU/s for each GB that is stored, nor below
{least_maximum:,}, and a tenth of it is paid day and night: so it grows with the years, whoever calls. Without
provisioning a container ends at {serverless_gb:,} GB. Storage is what a month adds: three versions of a
transcript a session, lists and words.

## Consistency

The account's default, Session, is enough: every change names the ETag that it was read with, and a process
reads what it has written itself, whichever replica answers. What another process wrote a moment ago may be
seen some milliseconds late: a session or a login that is not found is looked for once more after
`THERAPY_COSMOS_LAG_MS` ([why](../adr/023-late-reads.md)); a worker that is rung so early that it finds no run
gets it by the next sweep.

## When it is too much

429 is waited out as long as Cosmos asks: `THERAPY_COSMOS_THROTTLED_SECONDS` (10) in all and
`THERAPY_COSMOS_THROTTLED_TRIES` (200), as it often asks for 5 milliseconds only; then the caller gets `503`
with `Retry-After` and a worker tries its run again. `Meter.throttled` counts every one. Failures that pass
(408, 410, 449, 5xx, a connection that breaks, a replica that is behind) are tried three times, a commit that
met another one at the same item (449) up to eight times. Every write carries a mark of its own, so that one
whose answer was lost is known again and not taken for somebody else's.

A 404 with a sub-status (1002: the replicas that can be asked are behind, as in a failover; 1003: the
container is missing) never means that an item is not there: it is 503, so that no lease, login or device is
given up for it.
"""


def page() -> str:
    """The whole page."""
    return PAGE.format(
        containers=containers_table(),
        calls=calls_table(),
        before=before_table(),
        life=life_table(),
        months=months_table(),
        read=READ,
        write=WRITE,
        query=QUERY,
        per_kb=PER_KB,
        per_word=PER_WORD,
        sweep=SWEEP,
        price=f"{PRICE:.2f}",
        peak=PEAK,
        rus_for_gb=RUS_FOR_GB,
        least_maximum=LEAST_MAXIMUM,
        serverless_gb=SERVERLESS_GB,
    )


if __name__ == "__main__":
    print(page())
