"""The pytest plugin: a fixture for each port, which whoever writes an adapter overrides with their own.

An adapter is given opened and empty, and closed after the test. pytest loads this module in every
environment that has the library, so nothing else is imported before a fixture is asked for. The suites are
coroutines: set `asyncio_mode = "auto"`.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from therapy.ports.audio import AudioDecoder, SupportsPlayback
    from therapy.ports.recordings import Recordings, SupportsPlaybackLink
    from therapy.ports.store import Store, SupportsLag, SupportsListMany, SupportsWalk
    from therapy.ports.tokens import Tokens
    from therapy.testing.clock import Clock

PORTS = {
    "attempt_limits": "an AttemptLimits, which has counted nothing",
    "audio": "an AudioDecoder",
    "doorbell": "a Doorbell",
    "insights": "an InsightFinder",
    "mail": "a Mail",
    "passwords": "a Passwords",
    "people_index": "a PeopleIndex, empty",
    "push": "a PushSender",
    "recordings": "a Recordings, empty",
    "sentiment": "a Sentiment",
    "session_events": "a SessionEvents",
    "session_index": "a SessionIndex, empty",
    "speech": "a Speech",
    "store": "a Store, empty, whose clock is the fixture `clock`",
    "tokens": "a Tokens",
}
"""What each fixture has to give."""

LOOKS = {
    "sent_letters": "a function that returns the Letters that arrived, each id once",
    "sent_pushes": "a function that returns the PushMessages that devices show",
}
"""Fixtures by which promises look at what arrived on the other side."""

MEANS = {
    "another_store": "a function that opens what `store` has as another process does",
    "behind": "a function: within `behind()` what answers `store` lags behind what was written",
    "cut_off": "a function that cuts the adapter off from what it depends on",
    "losing": "a function: within `losing()` the answer to the next commit is lost",
}
"""Fixtures that only an adapter's author can define; a promise that needs one is skipped without it."""

DEMO = "session-demo.ogg"
SPOKEN_MS = 15_000

pytest.register_assert_rewrite(
    *(f"{__package__}.{module}" for module in (*PORTS, "optional_promises"))
)


def _to_override(name: str, what: str) -> Any:
    def missing() -> None:
        pytest.fail(f"define a fixture `{name}` that gives {what}", pytrace=False)

    return pytest.fixture(missing, name=name)


attempt_limits, audio, doorbell, insights, mail, passwords, people_index, push = (
    _to_override(name, PORTS[name])
    for name in (
        *("attempt_limits", "audio", "doorbell", "insights"),
        *("mail", "passwords", "people_index", "push"),
    )
)
recordings, sentiment, session_events, session_index, speech, store, tokens = (
    _to_override(name, PORTS[name])
    for name in (
        *("recordings", "sentiment", "session_events"),
        *("session_index", "speech", "store", "tokens"),
    )
)
sent_letters, sent_pushes = (_to_override(name, what) for name, what in LOOKS.items())


@pytest.fixture
def clock() -> "Clock":
    """Return the time of a store under test, which tests set."""
    from therapy.testing.clock import Clock

    return Clock()


@pytest.fixture
def losing() -> Callable[[], AbstractContextManager[object]] | None:
    """Return what makes the store's next commit lose its answer; override it.

    `nullcontext` says that no answer of this store can be lost.
    """
    return None


@pytest.fixture
def another_store() -> "Callable[[], AbstractAsyncContextManager[Store]] | None":
    """Return what opens the items of `store` as another process does; override it."""
    return None


@pytest.fixture
def behind() -> Callable[[], AbstractContextManager[object]] | None:
    """Return what makes a store with a `lag` be answered from before; override it where there is one.

    Within `behind()` its reads are answered as of a minute ago, but for what it insists on having seen.
    """
    return None


@pytest.fixture
def cut_off() -> Callable[[], None] | None:
    """Return what makes the adapter's service or file unreachable until the test ends; override it."""
    return None


@pytest.fixture
def fill_storage() -> Callable[[], None]:
    """Return what leaves no room for recordings; override it where that can be done."""
    pytest.skip("nobody said how to fill this storage: see the fixture fill_storage")


@pytest.fixture
def foreign_tokens() -> "tuple[Tokens, ...]":
    """Return Tokens of another secret or issuer, which must be refused; override it."""
    pytest.skip("nobody gave tokens of another secret: see the fixture foreign_tokens")


@pytest.fixture
def playable(audio: "AudioDecoder") -> "SupportsPlayback":
    """Return your `audio` if it makes files for players, else skip the promise; nothing to override."""
    from therapy.ports.audio import SupportsPlayback

    if not isinstance(audio, SupportsPlayback):
        pytest.skip("this decoder makes nothing for players, which is optional")
    return audio


@pytest.fixture
def linked(recordings: "Recordings") -> "SupportsPlaybackLink":
    """Return your `recordings` if they have links for players, else skip the promise; nothing to override."""
    from therapy.ports.recordings import SupportsPlaybackLink

    if not isinstance(recordings, SupportsPlaybackLink):
        pytest.skip("these recordings have no links for players, which are optional")
    return recordings


@pytest.fixture
def lagging(store: "Store") -> "SupportsLag":
    """Return your `store` if it has a `lag`, else skip the promise; nothing to override."""
    from therapy.ports.store import SupportsLag

    if not isinstance(store, SupportsLag):
        pytest.skip("this store never misses what another process has written: it has no `lag`")
    return store


@pytest.fixture
def walked(store: "Store") -> "SupportsWalk":
    """Return your `store` if it can be walked, else skip the promise; nothing to override."""
    from therapy.ports.store import SupportsWalk

    if not isinstance(store, SupportsWalk):
        pytest.skip("this store can't be walked, which is optional")
    return store


@pytest.fixture
def of_many(store: "Store") -> "SupportsListMany":
    """Return your `store` if it lists many partitions at once, else skip the promise; nothing to override."""
    from therapy.ports.store import SupportsListMany

    if not isinstance(store, SupportsListMany):
        pytest.skip("this store lists no partitions together, which is optional")
    return store


_decoded: list[bytes] = []


@pytest.fixture
async def spoken() -> bytes:
    """Return 15 seconds of two people in English, 16 kHz mono s16, for engines that listen; decoded once.

    They are the beginning of the demo recording, and need the extra `local` to be decoded.
    """
    if not _decoded:
        pcm = b"".join([chunk async for chunk in _demo()])
        _decoded.append(pcm[: SPOKEN_MS * 32])
    return _decoded[0]


async def _demo() -> AsyncIterator[bytes]:
    from therapy.adapters.audio import PyAvAudioDecoder

    recording = demo_recording().read_bytes()

    async def read(start: int, end: int) -> bytes:
        return recording[start:end]

    async for chunk in PyAvAudioDecoder().decode("-", read, len(recording)):
        yield chunk


def demo_recording() -> Path:
    """Return the demo: beside the command line where installed, in examples/ in a checkout."""
    here = Path(__file__).resolve().parents[1]
    folders = (here / "entrypoints/cli/examples", here.parents[1] / "examples")
    return next(each / DEMO for each in folders if (each / DEMO).is_file())
