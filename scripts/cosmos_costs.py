"""What calls cost on Cosmos DB: `python scripts/cosmos_costs.py` prints the page.

`COSTS` is the one table: tests/azure/test_cosmos_costs.py holds the code to its numbers of requests, and
scripts/docs.py makes docs/reference/cosmos.md from it. Request units are estimates, by `charge`.
"""

from __future__ import annotations

from typing import NamedTuple

from therapy.adapters.azure.cosmos.container_definitions import SHAPES

POINT_READ = (1.0, 10.0)  # of 1 KB and of 100 KB
WRITE = (5.0, 50.0)
QUERY, PER_KB = 3.0, 0.1
PER_INDEXED_WORD = 0.25


class Cost(NamedTuple):
    """A call of the app, a person or a worker, and the requests that it makes, all that follows included.

    Requests are written `kind size`, sizes in KB: of the item, of the items of a batch (`2+1`), of what a
    query finds (`20x1.5`). `words 1800` is what a batch adds to the index beside its items.
    """

    call: str
    requests: str

    def counts(self) -> dict[str, int]:
        """How many requests of each kind."""
        kinds = [kind for kind, _ in self._parts() if kind != "words"]
        return {kind: kinds.count(kind) for kind in kinds}

    def units(self) -> float:
        """The estimated request units of one call."""
        return sum(charge(kind, size) for kind, size in self._parts())

    def _parts(self) -> list[tuple[str, str]]:
        pairs = (each.split() for each in self.requests.split(", "))
        return [(kind, size) for kind, size in pairs]


def charge(kind: str, size: str) -> float:
    """Request units of one request: a straight line through what is documented for 1 KB and 100 KB."""
    if kind == "words":
        return float(size) * PER_INDEXED_WORD
    if kind == "query":
        number, _, each = size.partition("x")
        return QUERY + PER_KB * float(number) * float(each or 0)
    line = POINT_READ if kind == "read" else WRITE
    return sum(_on_line(line, float(each)) for each in size.split("+"))


def _on_line(line: tuple[float, float], size: float) -> float:
    return line[0] + (line[1] - line[0]) * (max(size, 1.0) - 1) / 99


COSTS = (
    Cost("a sweep, nothing is due", "query 0, query 0"),
    Cost(
        "add an account",
        "batch 0.4, create 0.4, batch 1+0.5, read 1, read 1, create 1, batch 0.5",
    ),
    Cost(
        "`POST /auth/login`",
        "read 0.4, read 0.4, read 1, read 0.5, batch 0.6+0.5, read 0.5, read 0.4, batch 0.4",
    ),
    Cost("`POST /auth/refresh`", "read 0.6, read 1, read 0.5, batch 0.6, read 0.5"),
    Cost("an access token, once in 3 seconds a login and process", "read 0.6"),
    Cost("`POST /devices/register`", "read 1, query 10x0.5, batch 0.6+0.4, batch 0.5, read 0.6"),
    Cost("`GET /profiles/me`", "read 1"),
    Cost("`GET /profiles/search`", "query 50x1"),
    Cost(
        "`POST /sessions/upload`",
        "query 5x1, query 0, query 0, batch 0.5, create 0.4, query 1x0.5, read 0.3, read 1,"
        " batch 0.5, read 0.6, batch 0.3, batch 0.5, read 3, read 0.5, read 0.3, read 1,"
        " query 5x1, query 0, query 0, create 0.4, batch 3+1+0.5+0.5, read 3, query 1x1,"
        " read 1.5, read 1.5, create 1.5, batch 2, batch 0.5+0.5, read 0.3, batch 0.3, read 3, batch 0.5",
    ),
    Cost("`GET /sessions/{id}`, waiting", "read 3, query 1x1, read 0.3, read 1"),
    Cost(
        "a worker transcribes, a push is sent",
        "query 1x1, create 0.4, batch 1+0.5, read 3, query 1x1, read 1.5, read 1.5, replace 1.5, batch 2,"
        " batch 0.5, read 3, read 3, create 0.4, batch 3+1+0.4+105+15+2+0.5+0.5, read 3, query 1x1, read 1.5,"
        " read 1.5, replace 1.5, batch 2, read 0.5, query 1x0.4, read 0.5, batch 0.5, batch 0.5+0.5",
    ),
    Cost("a beat", "batch 1"),
    Cost("`GET /data/pending`", "query 20x1.5"),
    Cost("`GET /data/transcript/{id}`", "read 3, query 1x122"),
    Cost(
        "`PUT /data/transcript/{id}`",
        "read 3, query 1x122, create 0.4, batch 3+1+0.4+105+15+0.5+0.5, read 3, query 1x1, read 1.5,"
        " read 1.5, replace 1.5, batch 2, batch 0.5+0.5",
    ),
    Cost(
        "a worker scores and closes",
        "query 1x1, create 0.4, batch 1+0.5, read 3, query 1x1, read 1.5, read 1.5, replace 1.5, batch 2,"
        " batch 0.5, read 3, query 1x122, read 3, create 0.4, batch 3+1+15+0.5, read 3, query 1x1, read 105,"
        " read 1.5, read 1.5, read 1.5, replace 1.5, batch 2+20, batch 1.5, batch 0.5, words 1800",
    ),
    Cost("`GET /sessions/me`, therapist", "query 100x1.5"),
    Cost("`GET /sessions/search`", "query 10x2, query 10x20"),
    Cost("`GET /sessions/{id}/details`, therapist", "read 3, query 1x122, read 1"),
    Cost("`GET /sessions/{id}`, closed", "read 3, query 1x1, query 1x122, read 0.3, read 1"),
    Cost("`GET /sessions/me`, patient", "query 20x1.5, query 1x0.5"),
    Cost("`GET /sessions/{id}/details`, patient", "read 3, read 0.5, query 1x122, read 1"),
    Cost(
        "`POST /auth/forgot-password`",
        "read 0.4, create 0.4, batch 0.5, read 0.4, read 1, read 0.5, read 0.5, query 1x0.5, batch 0.4,"
        " batch 0.5",
    ),
    Cost(
        "`POST /auth/change-password`",
        "query 1x0.5, read 1, query 10x0.5, create 0.4, batch 0.5+0.4+0.5+0.6+0.6, query 3x0.5, batch 0.5,"
        " read 1, batch 1, batch 0.5",
    ),
)

CHECK = "an access token, once in 3 seconds a login and process"

LIFE = (
    ("The recording arrives", {"`POST /sessions/upload`": 1, CHECK: 1}),
    (
        "It is transcribed: 10 minutes of work, a beat every 10 seconds",
        {"a worker transcribes, a push is sent": 1, "a beat": 60},
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

# Each of six commits leaves a hint, some more follow the lease: asked about and deleted by a sweep.
CLEANING = (
    40 * charge("query", "1x0.1") + 14 * charge("delete", "0.4") + 8 * charge("create", "0.4")
)
SWEEP = 2 * charge("query", "0")
SWEEPS = 30 * 24 * 3600 / 10  # a month of one worker's, every 10 seconds
PRICE = 0.25  # of a million request units without provisioned throughput, in dollars
PEAK = 8  # times the mean, in the busiest hour
KB_KEPT = 3 * 125 + 20 * 2.5 + 15
MONTH_HEAD = [
    *("sessions a month", "workers", "million RU for sessions", "for sweeps", "together"),
    *("mean RU/s", "in the busiest hour", "without provisioning", "grows by"),
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
    units = {cost.call: cost.units() for cost in COSTS}
    parts = [(name, sum(units[call] * n for call, n in calls.items())) for name, calls in LIFE]
    return [*parts, ("The index of what is due is cleaned", CLEANING)]


def table(rows: list[list[str]]) -> str:
    """A table in Markdown; the first row is its head."""
    head, *body = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *body])


def calls_table() -> str:
    """Every call with its requests and estimate."""
    head = ["call", "requests (KB)", "number", "RU"]
    rows = [
        [cost.call, cost.requests, str(sum(cost.counts().values())), f"{cost.units():.0f}"]
        for cost in COSTS
    ]
    return table([head, *rows])


def life_table() -> str:
    """A session's life in request units."""
    parts = life_units()
    rows = [[name, f"{units:,.0f}"] for name, units in parts]
    total = sum(units for _, units in parts)
    return table(
        [["part of a session's life", "RU"], *rows, ["**one session**", f"**{total:,.0f}**"]]
    )


def months_table() -> str:
    """What a month costs, by the number of sessions in it."""
    one = sum(units for _, units in life_units())
    rows = [MONTH_HEAD]
    for sessions, workers in MONTHS:
        living, sweeping = one * sessions / 1e6, SWEEP * SWEEPS * workers / 1e6
        mean = (living + sweeping) * 1e6 / (30 * 24 * 3600)
        busiest = living * 1e6 / (30 * 24 * 3600) * PEAK + sweeping * 1e6 / (30 * 24 * 3600)
        grows = sessions * KB_KEPT / 1e6
        numbers = [f"{sessions:,}", f"{workers}", f"{living:,.2f}", f"{sweeping:,.1f}"]
        numbers += [f"{living + sweeping:,.1f}", f"{mean:,.1f}", f"{busiest:,.0f}"]
        rows.append([*numbers, f"${(living + sweeping) * PRICE:,.2f}", f"{grows:,.3g} GB"])
    return table(rows)


PAGE = """\
# Cosmos DB: what is where, and what it costs

Made from `COSTS` in `scripts/cosmos_costs.py` by `.venv/bin/python scripts/docs.py`; do not edit. A test
counts the requests of every call below on the emulator. **Request units are estimates**: the emulator has
none, and nothing here was measured on Azure. The adapter adds up what Azure says (`Meter.request_units`).

## Containers

There are four, all partitioned by `/pk` and named `practice-…`. `therapy migrate` creates them and updates
indexes and expiry. Only the paths below are indexed; each makes writes dearer.

{containers}

A partition has the practice in its name, hashed if a name could be unusual. No request of the app queries all
partitions. A partition is limited to 20 GB and 10,000 RU/s: a therapist's list of 10,000 sessions with their
words is 0.5 GB, a practice with 100,000 accounts 0.3 GB; the index of what is due is emptied and stays small.

## Calls

The cost of a call by the app, a person or a worker, with all its consequences (entries in lists, pushes,
claims). `requests` are the calls to Cosmos with the sizes that the estimate assumes: a session of an hour,
whose words take 105 KB deflated and its scores 15, with 1,800 different words. A batch is one request. A call
that loses a race or is throttled makes some more, and so does a process that has not read yet what it writes
(it remembers some thousand ETags).

{calls}

A sweep asks one partition of `items` (a query, {query:.0f} RU) for each hint that has come up, and stops when
it has what it asked for. The first sweep of a process, and one in a minute, also looks at what is due later:
runs may be done before it is their turn, and the clock may have been set back. A worker that has done a run
looks for the next one in the same way: two queries of hints, and one for each of the first that wait.

How the estimate comes about (Microsoft, "Optimize request cost in Azure Cosmos DB"): a point read is 1 RU
for 1 KB and 10 RU for 100 KB, a write 5 RU and 50 RU; between and beyond these a straight line. Strong and
bounded staleness double reads. Assumed, as no document says it: a query in one partition is
{query:.0f} RU and {per_kb} RU for each KB that it loads, and each word that goes into the index {per_word}.
The last makes closing a session the dearest moment of its life and is the first thing to measure.
A search for part of a name scans the index of `fields`, so it grows with the therapist's closed sessions;
one for words looks up a range for each word.

## A session

{life}

## A month

{months}

Sweeps are {sweep:.0f} RU every 10 seconds for each worker (`THERAPY_SWEEP_SECONDS`). "Without provisioning"
is a serverless account at an assumed ${price} a million RU: look your region's price up. The busiest hour is
taken for {peak} times the mean. Up to some thousand sessions a month a serverless account is the cheapest;
beyond that autoscale on the database, shared by the four containers, with at least the busiest RU/s.
Storage is what a month adds: three versions of a transcript a session, lists and words.

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
(408, 410, 449, 5xx, a connection that breaks, a replica that is behind) are tried three times. Every write
carries a mark of its own, so that one whose answer was lost is known again and not taken for somebody
else's.

A 404 with a sub-status (1002: the replicas that can be asked are behind, as in a failover; 1003: the
container is missing) never means that an item is not there: it is 503, so that no lease, login or device is
given up for it.
"""


def page() -> str:
    """The whole page."""
    return PAGE.format(
        containers=containers_table(),
        calls=calls_table(),
        life=life_table(),
        months=months_table(),
        query=QUERY,
        per_kb=PER_KB,
        per_word=PER_INDEXED_WORD,
        sweep=SWEEP,
        price=f"{PRICE:.2f}",
        peak=PEAK,
    )


if __name__ == "__main__":
    print(page())
