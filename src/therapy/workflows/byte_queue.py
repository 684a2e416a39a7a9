"""A queue of bytes: taken in the order in which they came, and copied once, when they are taken."""

from collections import deque

SMALL = 1 << 16
"""Pieces of fewer bytes are joined as they come: each piece takes memory besides its bytes."""


class ByteQueue:
    """Bytes in the pieces in which they came; a `bytearray` joins small ones until it is no longer small."""

    def __init__(self, begun: bytes = b"") -> None:
        self._pieces = deque[bytes | bytearray]([begun] if begun else [])
        self._size = len(begun)

    def __len__(self) -> int:
        return self._size

    def __bytes__(self) -> bytes:
        return self.first(self._size)

    def append(self, piece: bytes) -> None:
        """Put a piece behind the others."""
        self._size += len(piece)
        last = self._pieces[-1] if self._pieces else b""
        if len(piece) >= SMALL:
            self._pieces.append(piece)
        elif isinstance(last, bytearray) and len(last) < SMALL:
            last += piece
        elif piece:
            self._pieces.append(bytearray(piece))

    def put_back(self, piece: bytes) -> None:
        """Put a piece that was taken in front of the others."""
        self._pieces.appendleft(piece)
        self._size += len(piece)

    def first(self, length: int) -> bytes:
        """Return the first `length` bytes, or all there are; they stay."""
        found = self.take(length)
        if found:
            self.put_back(found)
        return found

    def take(self, length: int) -> bytes:
        """Take off the first `length` bytes, or all there are, and return them."""
        taken, missing = list[bytes | bytearray](), length
        while missing and self._pieces:
            piece = self._pieces.popleft()
            if len(piece) > missing:
                self._pieces.appendleft(piece[missing:])
                piece = piece[:missing]
            taken.append(piece)
            missing -= len(piece)
        self._size -= length - missing
        return b"".join(taken)
