"""Hypothesis without a clock, which tests ask for an emulator, and files that take longest first."""

from __future__ import annotations

import gc
import os
import signal
from collections import Counter
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from tests.cpu_times import CpuTimes
from tests.emulators import fixtures

# Otherwise what tests start elsewhere works out again what Hypothesis keeps of Unicode: 3 s of CPU each.
os.environ.setdefault(
    "HYPOTHESIS_STORAGE_DIRECTORY", str(Path(__file__).resolve().parent.parent / ".hypothesis")
)

# On a loaded machine what is slow is the machine, not the code, so time decides nothing.
settings.register_profile(
    "therapy",
    deadline=None,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "100")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("therapy")

EMULATORS = {*fixtures.__all__} - {"require_node"}
"""Fixtures that start one; the family `azure` asks for them by name when it is opened."""


def pytest_configure(config: pytest.Config) -> None:
    """Look for no garbage while 8,000 tests are found, nor among them ever after: that takes 2 s of CPU."""
    config.pluginmanager.register(CpuTimes())
    gc.disable()
    # Where a shell started it in the background, it ignores Ctrl-C, and so would all that tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Look for garbage again, but seldom among what has lived long: that took a twentieth of the CPU."""
    gc.freeze()
    gc.set_threshold(5_000, 20, 1_000)
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """Look for garbage once: pytest does five times, and Python at its end, which took 3 s on the clock."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests that ask for an emulator; put the files with the most slow tests first, and keep the rest.

    Those of one file that are run on a family share an event loop, and so its clients and threads.
    Files are given to whoever is free, so what comes last decides how long one waits for the other. A test
    that takes as long as several slow ones says so, `slow(weight=4)`.
    """
    for item in items:
        if asks_for_an_emulator(item):
            item.add_marker("emulator")
        if family_of(item) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)
    if os.environ.get("THERAPY_FIRST_CASES"):
        left_out = without_first_cases(items)
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    slow = Counter[Path]()
    for item in items:
        if marked := item.get_closest_marker("slow"):
            slow[item.path] += marked.kwargs.get("weight", 1)
    items.sort(key=lambda item: -slow[item.path])


def without_first_cases(items: list[pytest.Item]) -> set[pytest.Item]:
    """Return the cases of each test but for the first of each family: what else differs is not Python."""
    first: dict[tuple[object, ...], pytest.Item] = {}
    for item in items:
        marks = [item.get_closest_marker(each) is None for each in ("slow", "emulator")]
        name = getattr(item, "originalname", item.name)
        first.setdefault(
            (item.path, getattr(item, "cls", None), name, family_of(item), *marks), item
        )
    return {*items} - {*first.values()}


def asks_for_an_emulator(item: pytest.Item) -> bool:
    """Say whether a fixture of a test is an emulator or the family that needs them."""
    if not isinstance(item, pytest.Function):
        return False
    return family_of(item) == "azure" or not EMULATORS.isdisjoint(item.fixturenames)


def family_of(item: pytest.Item) -> object:
    """Return the family that a test is run on; None if it is not about families."""
    return item.callspec.params.get("family_name") if hasattr(item, "callspec") else None
