"""Several recordings of one session on one timeline: where each begins, and what was found about all.

Between two of them is silence, which the findings name, so that no sentence spans both. A recording that
can't be decoded is missing; only if none can be, the session fails.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from therapy.domain.audio_findings import AudioFindings, Missing, joined, next_start
from therapy.domain.errors import RecordingTooLong, UndecodableAudio


class JoinedSound:
    """Counts the samples of one recording after another, in bytes, `bytes_per_ms` for each millisecond."""

    def __init__(self, longest_ms: int, bytes_per_ms: int) -> None:
        self.size = 0
        self._longest_ms, self._bytes_per_ms = longest_ms, bytes_per_ms
        self._starts: list[int] = []
        self._found: list[AudioFindings] = []
        self._failures: list[UndecodableAudio] = []

    def silence(self) -> bytes:
        """Return what comes before the next recording, counted already; nothing before the first sound."""
        size = self.size and next_start(self._ms(self.size)) * self._bytes_per_ms - self.size
        self.size += size
        return bytes(size)

    @property
    def left_ms(self) -> int:
        """How long the next recording may be."""
        return max(0, self._longest_ms - self.size // self._bytes_per_ms)

    @contextmanager
    def recording(self) -> Iterator[list[AudioFindings]]:
        """Count what is decoded in the body as one recording; it adds what was found to the list.

        Raises:
            RecordingTooLong: all of them together last longer than they may.
        """
        begun, here = self.size, list[AudioFindings]()
        try:
            yield here
        except RecordingTooLong:  # of the whole, not of what was left for this one
            raise RecordingTooLong(longest=self._longest_ms // 1000) from None
        except UndecodableAudio as exc:
            self._failures.append(exc)
            here = [AudioFindings(missing=(Missing(0, 0, "damaged"),))]
        self._starts.append(begun // self._bytes_per_ms)
        (findings,) = here
        self._found.append(replace(findings, duration_ms=self._ms(self.size - begun)))

    def findings(self) -> AudioFindings:
        """Return what was found about all of them as one.

        Raises:
            UndecodableAudio: none of them can be decoded.
        """
        if self._failures and len(self._failures) == len(self._found):
            raise self._failures[0]
        return joined(self._starts, self._found, self._ms(self.size))

    def _ms(self, size: int) -> int:
        return -(-size // self._bytes_per_ms)
