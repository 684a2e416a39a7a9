"""docs/reference/costs.md is true: a session costs as many text records and seconds of audio as it says."""

import json
from collections.abc import Iterator

import pytest

from tests.azure.count_session_costs import FILE, MeteredFast, counted
from tests.emulators.language import FakeLanguage


@pytest.fixture
def fast() -> Iterator[MeteredFast]:
    with MeteredFast() as fake:
        yield fake


async def test_a_session_costs_what_the_page_says(
    fast: MeteredFast, fake_language: FakeLanguage
) -> None:
    again = "python -m tests.azure.count_session_costs, then scripts/docs.py"
    assert await counted(fast, fake_language) == json.loads(FILE.read_text()), again
