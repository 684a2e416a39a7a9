"""The Cosmos emulator (cosmos.cjs says what it can and cannot), with its faults and counters.

The SDK must be told `enable_endpoint_discovery=False`: the account's document names https addresses.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tests.emulators.control_line import ControlLine
from tests.emulators.faults import Fault
from tests.emulators.processes import NODE_MODULES, Program, find_node

# The key of the emulators that Microsoft publishes; any base64 does here.
KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="


class Cosmos(Program):
    """`with Cosmos() as cosmos: CosmosClient(cosmos.url, cosmos.key, enable_endpoint_discovery=False)`."""

    key = KEY
    database = "therapydb"

    def __init__(self) -> None:
        super().__init__()
        self._line = ControlLine()

    def command(self) -> list[str]:
        return [find_node(), str(Path(__file__).with_name("cosmos.cjs")), str(self.port)]

    def environment(self) -> dict[str, str]:
        return {"NODE_PATH": str(NODE_MODULES)}

    def stop(self) -> None:
        self._line.hang_up()
        super().stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def settings(self) -> dict[str, str]:
        return {
            "COSMOS_URI": self.url,
            "COSMOS_KEY": self.key,
            "COSMOS_DATABASE_NAME": self.database,
        }

    def add(self, *faults: Fault) -> None:
        """Faults by operation and container, `Fault("batch sessions", status=429)`; see faults.cjs."""
        self._ask("POST", "_faults", [fault.as_json() for fault in faults])

    def clear(self, seed: int = 0) -> None:
        """Forget the faults and begin the counts at nought."""
        self._ask("DELETE", f"_faults?seed={seed}&seen=too")

    def seen(self) -> dict[str, Any]:
        """{"containers": {name: {requests, queries, cross_partition, operations, ...}}, "queries"}."""
        return self._ask("GET", "_seen")

    def struck(self) -> Counter[str]:
        """How many requests met a fault since clear(), by its status or kind."""
        struck = Counter[str]()
        for counts in self.seen()["containers"].values():
            struck.update(counts["struck"])
        return struck

    def empty(self, database: str) -> Any:
        """Empty the containers of a database; returns how each is set, None without such a database."""
        return self._ask("DELETE", f"_items?database={database}")

    def copy(self, database: str, to: str) -> None:
        """Make a new database with the containers and items of another."""
        self._ask("POST", f"_items?database={database}&to={to}")

    def keep(self, database: str) -> str:
        """Keep what is in a database; returns a name, the same one as long as nothing is written."""
        return str(self._ask("POST", f"_kept?database={database}"))

    def put_back(self, database: str, kept: str) -> None:
        """Replace what is in a database by what was kept under this name, ETags and all."""
        self._ask("PUT", f"_kept?database={database}&kept={kept}")

    def forget(self) -> None:
        """Forget what was kept."""
        self._ask("DELETE", "_kept")

    def set_consistency(self, level: str) -> None:
        """Make this the account's default consistency, until clear()."""
        self._ask("POST", f"_account?consistency={level}")

    def cross_partition(self, container: str | None = None) -> int:
        """Queries and lists that asked every partition, since clear()."""
        counts = self.seen()["containers"]
        names = [container] if container else list(counts)
        return sum(counts[name]["cross_partition"] for name in names if name in counts)

    def request_units(self) -> float:
        """What requests about items have cost since clear(), by the rules of cosmos_charges.cjs."""
        counts = self.seen()["containers"]
        return sum(count["request_units"] for name, count in counts.items() if name)

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        return self._line.ask(self.port, method, path, body)
