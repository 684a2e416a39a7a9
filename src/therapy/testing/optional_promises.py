"""What the suites share about what is optional: whoever lacks it has the test skipped, and reads why.

That is a protocol that an adapter need not have (`check`, `examine`), or a fixture that only its author can
define: how to cut it off, say.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from therapy.domain.errors import EngineFailed, StorageFull, TherapyError, Unavailable
from therapy.ports import SupportsCheck, SupportsExamine
from therapy.testing.pytest_plugin import MEANS

T = TypeVar("T")
CutOff = Callable[[], None]
Question = Callable[[], Awaitable[object]]

STORE_ERRORS: tuple[type[TherapyError], ...] = (Unavailable,)
ENGINE_ERRORS: tuple[type[TherapyError], ...] = (Unavailable, EngineFailed)


def given(what: T | None, fixture: str) -> T:
    """Return what a fixture gave; where nobody has defined it, skip the test and say which it is."""
    if what is None:
        pytest.skip(f"nobody defined the fixture `{fixture}`, which gives {MEANS[fixture]}")
    return what


def _questions(adapter: object) -> list[Question]:
    """Return what `therapy check` may ask of an adapter; skip the test of one without any of it."""
    asked: list[Question] = []
    if isinstance(adapter, SupportsCheck):
        asked.append(adapter.check)
    if isinstance(adapter, SupportsExamine):
        asked.append(adapter.examine)
    if not asked:
        pytest.skip("this adapter has neither `check` nor `examine`, which are optional")
    return asked


async def ask_what_is_well(adapter: object) -> None:
    """Check and examine an adapter that works, twice; the test looks whether that changed anything."""
    for question in 2 * _questions(adapter):
        await question()
    if isinstance(adapter, SupportsExamine):
        codes: object = await adapter.examine()
        assert isinstance(codes, tuple)
        assert all(isinstance(each, str) and each for each in codes)


async def ask_what_is_cut_off(
    adapter: object, cut_off: CutOff | None, errors: tuple[type[TherapyError], ...] = STORE_ERRORS
) -> None:
    """Check and examine an adapter that is cut off: one of `errors` is raised, and `examine` says why.

    `examine` may answer nevertheless if there is a `check`, which is asked before it.
    """
    _questions(adapter)
    given(cut_off, "cut_off")()
    if isinstance(adapter, SupportsCheck):
        with pytest.raises(errors):
            await adapter.check()
    if isinstance(adapter, SupportsExamine):
        refusal = await _refusal(adapter.examine, errors)
        if refusal is None:
            assert isinstance(adapter, SupportsCheck), "nothing has noticed it"
        else:
            assert refusal.details.get("reason")


async def _refusal(
    question: Question, errors: tuple[type[TherapyError], ...]
) -> TherapyError | None:
    """Return which of `errors` a question raises, if any."""
    try:
        await question()
    except errors as refusal:
        return refusal
    return None


async def ask_what_is_full(adapter: object, fill_storage: Callable[[], None]) -> None:
    """Check and examine an adapter without room: if it is known, that is told, and nothing else."""
    questions = _questions(adapter)
    fill_storage()
    for question in questions:
        try:
            await question()
        except StorageFull:
            continue
