"""Fixtures of the HTTP tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.http.clinic import Clinic, open_clinic


@pytest.fixture
async def clinic(tmp_path: Path) -> AsyncIterator[Clinic]:
    """A clinic with people and no sessions; its work is done when `clinic.work()` is called."""
    async with open_clinic(tmp_path) as opened:
        yield opened
