"""What each test file costs in seconds of CPU, its servers and emulators included; of few files, each test.

It is shown after every run. Time on the clock says little where several things run beside each other; CPU
is what a test takes away from the others.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

FEW_TESTS = 400
SHOWN, FROM_SECONDS = 15, 1.0
PROC = Path("/proc")


def cpu_seconds() -> float:
    """CPU of this process and of all that it started; without /proc, only of those that have ended."""
    if not (PROC / "self/stat").exists():
        return sum(os.times()[:4])
    parents, ticks = {}, {}
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        pid = int(stat.parent.name)
        parents[pid], ticks[pid] = int(fields[1]), sum(map(int, fields[11:15]))
    ours = [pid for pid in ticks if _descends_from(os.getpid(), pid, parents)]
    return sum(ticks[pid] for pid in ours) / os.sysconf("SC_CLK_TCK")


def _descends_from(ancestor: int, pid: int, parents: dict[int, int]) -> bool:
    while pid not in (ancestor, 0):
        pid = parents.get(pid, 0)
    return pid == ancestor


class CpuTimes:
    """Counts where tests run, lets reports carry the figures, adds them up where reports arrive."""

    def __init__(self) -> None:
        self._counted = 0.0
        self._each_test = self._count_now = False
        self._spent: Counter[str] = Counter()

    def pytest_runtestloop(self, session: pytest.Session) -> None:
        self._each_test = len(session.items) <= FEW_TESTS
        self._counted = cpu_seconds()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        ends_file = nextitem is None or nextitem.path != item.path
        self._count_now = self._each_test or ends_file

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.when == "teardown" and self._count_now:
            before, self._counted = self._counted, cpu_seconds()
            place = item.nodeid if self._each_test else item.nodeid.partition("::")[0]
            report.user_properties.append(("cpu", (place, self._counted - before)))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown" and "cpu" in (carried := dict(report.user_properties)):
            place, seconds = carried["cpu"]
            self._spent[place] += seconds

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section(f"CPU: {sum(self._spent.values()):.1f} s, most of it in")
        for place, seconds in self._spent.most_common(SHOWN):
            if seconds >= FROM_SECONDS:
                terminalreporter.write_line(f"{seconds:.1f}s {place}")
