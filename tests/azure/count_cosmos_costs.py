"""What each call of a session's life costs on the Cosmos emulator: requests, and request units by its rules.

    python -m tests.azure.count_cosmos_costs     writes scripts/cosmos_costs.json, of which pages are made

The session is that of `long_session`. A test counts again and compares.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.azure.cosmos_stores import Life, Stores
from tests.azure.long_session import heard, reviewed
from tests.contract.azure import empty_cosmos
from tests.emulators.cosmos import Cosmos as Emulator

FILE = Path(__file__).resolve().parents[2] / "scripts" / "cosmos_costs.json"

Counted = Mapping[str, Mapping[str, Any]]


async def counted(emulator: Emulator) -> tuple[Counted, list[str]]:
    """Return requests by kind and request units of each call, and the calls that asked every partition."""
    said = heard()
    calls: dict[str, dict[str, Any]] = {}
    crossing = []
    async with empty_cosmos(emulator, pauses=(0.0, 0.0)) as opened:
        stores = Stores(emulator, opened, said=said)
        word = said[0].words[0].text
        for name, call in Life(stores, reviewed(said), word).calls():
            emulator.clear()
            await call()
            if name:
                calls[name] = {
                    "requests": dict(sorted(stores.operations().items())),
                    "ru": round(emulator.request_units(), 1),
                }
            if emulator.cross_partition():
                crossing.append(name)
    return calls, crossing


def main() -> None:
    with Emulator() as emulator:
        calls, _ = asyncio.run(counted(emulator))
    FILE.write_text(json.dumps(calls, indent=1) + "\n", encoding="utf-8")
    for name, cost in calls.items():
        print(f"{cost['ru']:8.1f}  {name}")


if __name__ == "__main__":
    main()
