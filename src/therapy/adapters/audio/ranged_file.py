"""The file that FFmpeg reads: seekable, over a function that reads ranges, with a few blocks in memory."""

from collections import OrderedDict
from collections.abc import Callable

BLOCK_BYTES = 1 << 19
"""A recording is read in blocks of this size."""

KEPT_BLOCKS = 3
"""Blocks that stay in memory: the current one, the file's index, another track's position."""


class RangedFile:
    """A read-only file over `fetch(start, end)`; it begins at `begin`, in front of which tags may be.

    `error` is what `fetch` raised: FFmpeg itself reports something less useful.
    """

    def __init__(
        self,
        fetch: Callable[[int, int], bytes],
        size: int,
        begin: int = 0,
        blocks: OrderedDict[int, bytes] | None = None,
    ) -> None:
        self.size = max(0, size - begin)
        self.error: BaseException | None = None
        self._fetch, self._begin = fetch, begin
        self._at = 0
        self._blocks = OrderedDict() if blocks is None else blocks

    def beginning_at(self, begin: int) -> "RangedFile":
        """Return the same file without its first `begin` bytes, at its start."""
        end = self._begin + self.size
        return RangedFile(self._fetch, end, self._begin + begin, self._blocks)

    def read(self, length: int = -1) -> bytes:
        if length == 0 or self._at >= self.size:
            return b""
        number, offset = divmod(self._begin + self._at, BLOCK_BYTES)
        block = self._block(number)
        found = block[offset : len(block) if length < 0 else offset + length]
        self._at += len(found)
        return found

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, self.size)[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def peek(self, start: int, length: int) -> bytes:
        """Return bytes from `start` on without moving the position."""
        at, self._at = self._at, start
        found = b""
        while len(found) < length and (more := self.read(length - len(found))):
            found += more
        self._at = at
        return found

    def _block(self, number: int) -> bytes:
        if number in self._blocks:
            self._blocks.move_to_end(number)
            return self._blocks[number]
        start = number * BLOCK_BYTES
        try:
            block = self._fetch(start, min(start + BLOCK_BYTES, self._begin + self.size))
        except BaseException as error:
            self.error = error
            raise
        self._blocks[number] = block
        if len(self._blocks) > KEPT_BLOCKS:
            self._blocks.popitem(last=False)
        return block
