"""What is shipped for testing: a module of promises for each port, none of which knows an adapter."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_house import ROOT, THERAPY, imported_by, name_of, tree_of
from therapy.domain.errors import Unavailable
from therapy.testing.optional_promises import ask_what_is_cut_off
from therapy.testing.pytest_plugin import LOOKS, MEANS, PORTS

TESTING = THERAPY / "testing"
pytest_plugins = ["pytester"]

WITH_ADAPTERS = {TESTING / "memory.py", TESTING / "pytest_plugin.py"}
"""The outside in memory; and the plugin, which decodes the demo for engines that listen."""

OPTIONAL = {"clock", "fill_storage", "foreign_tokens", "spoken", *MEANS}
"""Fixtures that the plugin gives, for an adapter that has no better ones."""

NARROWED = {"lagging", "linked", "of_many", "playable", "walked"}
"""Fixtures that give an adapter as one that has something optional."""


def promises_of(port: str) -> list[Path]:
    module = TESTING / f"{port}.py"
    return [module] if module.is_file() else sorted((TESTING / port).glob("*.py"))


def promised_in(paths: list[Path]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for path in paths:
        for node in tree_of(path).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
                "test_"
            ):
                yield node


def test_every_port_has_its_promises_and_each_family_is_held_to_them() -> None:
    ports = {path.stem for path in (THERAPY / "ports").glob("*.py")} - {"__init__"}
    assert ports == PORTS.keys()
    ours = [path.read_text() for path in (ROOT / "tests" / "contract").glob("test_*.py")]
    for port in ports:
        assert list(promised_in(promises_of(port))), port
        modules = [path.stem for path in promises_of(port) if list(promised_in([path]))]
        for stem in modules:
            module = f"{port}.{stem}" if stem != port else port
            assert any(f"from therapy.testing.{module} import *" in text for text in ours), module


@pytest.mark.parametrize("path", sorted({*TESTING.rglob("*.py")} - WITH_ADAPTERS), ids=name_of)
def test_promises_know_no_adapter(path: Path) -> None:
    inside = ("therapy.domain", "therapy.ports", "therapy.testing")
    ours = [name for _, name in imported_by(path) if name.partition(".")[0] in {"tests", "therapy"}]
    assert [name for name in ours if not name.startswith(inside)] == []


def test_no_promise_hides_another_of_the_same_name() -> None:
    """Not even one of another port: a module may import the promises of several."""
    modules = [path for port in PORTS for path in promises_of(port)]
    counted = Counter(test.name for test in promised_in(modules))
    assert [name for name, times in counted.items() if times > 1] == []


@pytest.mark.parametrize("port", PORTS)
def test_promises_ask_for_fixtures_that_the_plugin_has(port: str) -> None:
    modules = promises_of(port)
    asked = {argument.arg for test in promised_in(modules) for argument in test.args.args}
    told = {
        constant.value
        for test in promised_in(modules)
        for decorator in test.decorator_list
        for constant in ast.walk(decorator)
        if isinstance(constant, ast.Constant)
    }
    given = {"caplog", "data"}  # by pytest, by Hypothesis
    assert asked - told - PORTS.keys() - LOOKS.keys() - OPTIONAL - NARROWED <= given
    assert port in asked


def test_the_plugin_imports_nothing_before_it_is_used() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import therapy.testing.pytest_plugin;"
        "print(*sorted(n for n in set(sys.modules) - before if n.partition('.')[0] != 'typing'))"
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["therapy", "therapy.testing", "therapy.testing.pytest_plugin"]


def test_the_guide_for_authors_names_every_fixture_and_lists_each_that_a_promise_needs_once() -> (
    None
):
    page = (ROOT / "docs/how-to/write-an-adapter.md").read_text()
    for name in (*MEANS, *LOOKS, "fill_storage", "foreign_tokens"):
        assert f"`{name}`" in page, name
    for name in (*MEANS, "fill_storage", "foreign_tokens"):
        assert len(re.findall(rf"^[|-] `{name}`", page, re.MULTILINE)) == 1, name


@pytest.mark.parametrize("path", sorted({*TESTING.rglob("*.py")} - WITH_ADAPTERS), ids=name_of)
def test_a_promise_that_is_imported_alone_finds_its_fixtures(path: Path) -> None:
    """A fixture beside it would stay behind."""
    decorators = [
        ast.unparse(decorator)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for decorator in node.decorator_list
    ]
    assert [each for each in decorators if each.startswith("pytest.fixture")] == []


class Examined:
    """An adapter whose `examine` does not look whether its service is there."""

    async def examine(self) -> tuple[str, ...]:
        return ()


class CheckedAndExamined(Examined):
    """The same, with a `check` that does."""

    async def check(self) -> None:
        raise Unavailable(reason="connection")


async def test_examine_must_notice_what_is_cut_off_unless_a_check_does() -> None:
    await ask_what_is_cut_off(CheckedAndExamined(), lambda: None)
    with pytest.raises(AssertionError, match="nothing has noticed it"):
        await ask_what_is_cut_off(Examined(), lambda: None)


SUITE = """
from therapy.testing.mail import *
"""
OTHERS = ("faker", "schemathesis", "valkey")
"""Plugins that an author need not have; they are long in loading."""
RUN = ("-q", "-o", "asyncio_mode=auto", *(f"-pno:{name}" for name in OTHERS))


@pytest.mark.slow
def test_a_fixture_that_nobody_gave_is_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE)
    done = pytester.runpytest_subprocess(*RUN, "-k", "every_letter")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*define a fixture `mail` that gives a Mail*"])


@pytest.mark.slow
def test_an_author_gives_one_adapter_and_a_look(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("""
        import pytest
        from therapy.testing import memory_ports

        @pytest.fixture
        def ports():
            return memory_ports()

        @pytest.fixture
        def mail(ports):
            return ports.mail

        @pytest.fixture
        def sent_letters(ports):
            return lambda: list({letter.id: letter for letter in ports.mail.sent}.values())
    """)
    pytester.makepyfile(SUITE)
    done = pytester.runpytest_subprocess(*RUN)
    assert done.ret == 0
    assert done.parseoutcomes()["passed"] > 20


@pytest.mark.slow
def test_an_author_chooses_promises(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("""
        import pytest
        from therapy.adapters.memory.recordings import MemoryRecordings
        from therapy.adapters.memory.store import MemoryStore

        @pytest.fixture
        def recordings():
            return MemoryRecordings()

        @pytest.fixture
        def store(clock):
            return MemoryStore(clock)
    """)
    pytester.makepyfile("""
        from therapy.testing.recordings import test_a_link_is_never_logged
        from therapy.testing.store import test_a_lag_is_a_span_of_time
        from therapy.testing.store import test_a_walk_visits_every_item_once
        from therapy.testing.store import test_items_of_many_partitions_are_listed_as_those_of_each_are
    """)
    done = pytester.runpytest_subprocess(*RUN)
    outcomes = done.parseoutcomes()
    assert outcomes.get("errors", 0) == outcomes.get("failed", 0) == 0
    assert outcomes["passed"] + outcomes["skipped"] == 4


@pytest.mark.slow
def test_a_broken_adapter_fails_with_what_was_promised(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("""
        import pytest
        from therapy.ports.mail import Mail

        class Lost(Mail):
            async def send(self, practice_id, letter):
                pass

        @pytest.fixture
        def mail():
            return Lost()

        @pytest.fixture
        def sent_letters():
            return list
    """)
    pytester.makepyfile(SUITE)
    done = pytester.runpytest_subprocess(*RUN, "-k", "as_it_was_sent")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*assert [[]] == *Letter*"])  # rewritten: it shows what there was


@pytest.mark.slow
def test_a_promise_that_needs_a_fixture_which_nobody_defined_is_skipped_and_names_it(
    pytester: pytest.Pytester,
) -> None:
    """Nothing is held to less than its author knows."""
    pytester.makeconftest("""
        from datetime import timedelta
        import pytest
        from therapy.adapters.memory.recordings import MemoryRecordings
        from therapy.adapters.memory.store import MemoryStore
        from therapy.adapters.memory.tokens import MemoryTokens

        class Checked(MemoryRecordings):
            async def check(self):
                pass

        class Late(MemoryStore):
            lag = timedelta(0)

        @pytest.fixture
        def recordings():
            return Checked()

        @pytest.fixture
        def store(clock):
            return Late(clock)

        @pytest.fixture
        def tokens():
            return MemoryTokens()
    """)
    pytester.makepyfile("""
        from therapy.testing.recordings import *
        from therapy.testing.store.lag import *
        from therapy.testing.store.races import *
        from therapy.testing.tokens import *
    """)
    done = pytester.runpytest_subprocess(*RUN, "-rs")
    assert done.ret == 0
    skips = [line for line in done.outlines if line.startswith("SKIPPED")]
    for name in (*MEANS, "fill_storage", "foreign_tokens"):
        assert [line for line in skips if name in line], name
    assert done.parseoutcomes()["passed"] > 50
