"""What a session costs on Azure: `python scripts/session_costs.py` prints the page.

`session_costs.json` is counted by the meters of the fakes (`python -m tests.azure.count_session_costs`),
`cosmos_costs.json` on the Cosmos emulator; tests count both again and compare. scripts/docs.py makes
docs/reference/costs.md from them and from `PRICES`.
"""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import NamedTuple

SCRIPTS = Path(__file__).parent
COUNTED = json.loads((SCRIPTS / "session_costs.json").read_text())
COSMOS = runpy.run_path(str(SCRIPTS / "cosmos_costs.py"))

PRICED = "November 2026"
FAST_HOUR, REAL_TIME_HOUR = 0.36, 1.00
THOUSAND_RECORDS = 1.00
THOUSAND_OF_SUMMARY = 2.00
MILLION_RU = COSMOS["PRICE"]
"""List prices in dollars, without a free amount or a discount for much."""

KINDS = {
    "SentimentAnalysis": "Language, sentiment",
    "KeyPhraseExtraction": "Language, key phrases",
    "PiiEntityRecognition": "Language, personal details",
    "AbstractiveSummarization": "Language, summary",
}
MONTHS = (10, 1_000, 100_000)


class Row(NamedTuple):
    """What a service bills for one session, and the price of so many units."""

    service: str
    number: float
    unit: str
    price: float
    of: int

    @property
    def dollars(self) -> float:
        """The price of the session."""
        return self.number * self.price / self.of


def rows() -> list[Row]:
    """What each service bills for one session."""
    speech = Row(
        "Speech, Fast Transcription", COUNTED["speech_seconds"], "s of audio", FAST_HOUR, 3_600
    )
    language = [
        Row(name, COUNTED["text_records"][kind], "text records", _record_price(kind), 1_000)
        for kind, name in KINDS.items()
    ]
    units = COSMOS["session_units"]()
    return [speech, *language, Row("Cosmos DB, serverless", units, "RU", MILLION_RU, 1_000_000)]


def _record_price(kind: str) -> float:
    return THOUSAND_OF_SUMMARY if kind == "AbstractiveSummarization" else THOUSAND_RECORDS


def session_table() -> str:
    """Each service, what it counts, the price and the sum."""
    body = [
        [each.service, f"{each.number:,.0f} {each.unit}", _price(each), f"${each.dollars:.4f}"]
        for each in rows()
    ]
    total = sum(each.dollars for each in rows())
    head = ["service", "counted", "list price", "one session"]
    table: str = COSMOS["table"]([head, *body, ["**together**", "", "", f"**${total:.2f}**"]])
    return table


def _price(row: Row) -> str:
    of = "an hour" if row.of == 3_600 else f"for {row.of:,}"
    return f"${row.price:.2f} {of}"


def months_table() -> str:
    """The same for a month."""
    names = {"Speech": 0.0, "Language": 0.0, "Cosmos DB": 0.0}
    for each in rows():
        names[each.service.split(",", maxsplit=1)[0]] += each.dollars
    head = ["sessions a month", *names, "together"]
    body = [
        [f"{many:,}", *(f"${many * each:,.2f}" for each in (*names.values(), sum(names.values())))]
        for many in MONTHS
    ]
    table: str = COSMOS["table"]([head, *body])
    return table


PAGE = """\
# What a session costs on Azure

Made from `scripts/session_costs.json` and `scripts/cosmos_costs.json` by `.venv/bin/python
scripts/docs.py`; do not edit. A test counts both again, by the meters of the fakes: nothing here is a
bill of Azure's.

One session of {minutes} minutes and {utterances} utterances, from its upload to its being read again:

{session}

List prices of {priced}, from memory: look your region's up in Azure's price calculator. Text records are
1,000 characters of a document, begun ones whole. Where the conversation engine recognises ([which
engine](speech.md)), the same seconds cost ${real_time:.2f} an hour and more. A try that fails after its
audio was heard is paid, too. What the requests to Cosmos DB are: [Cosmos DB](cosmos.md#a-session).

## A month

{months}

Not in it: the program's own machines (App Service or others), Blob Storage, Redis, logs, what workers ask
Cosmos DB while nothing is due ([sweeps](cosmos.md#a-month)), and traffic. Pushes through Firebase cost
nothing."""


def page() -> str:
    """The whole page."""
    return PAGE.format(
        minutes=COUNTED["minutes"],
        utterances=COUNTED["utterances"],
        session=session_table(),
        priced=PRICED,
        real_time=REAL_TIME_HOUR,
        months=months_table(),
    )


if __name__ == "__main__":
    print(page())
