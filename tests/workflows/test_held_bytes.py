"""Bytes that are held: nothing is lost or changed, however small or large the pieces are that come and go."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from therapy.workflows.held_bytes import SMALL, HeldBytes


@given(
    st.lists(st.one_of(st.binary(max_size=40), st.integers(SMALL - 2, SMALL + 2)), max_size=8),
    st.data(),
)
def test_what_is_taken_is_what_came_in_its_order(pieces, data):
    come = [each if isinstance(each, bytes) else bytes([each % 251]) * each for each in pieces]
    held, whole = HeldBytes(), b"".join(come)
    for each in come:
        held.append(each)
    assert (bytes(held), len(held), held.first(5)) == (whole, len(whole), whole[:5])
    length = data.draw(st.integers(0, len(whole) + 2))
    taken = held.take(length)
    assert (taken, bytes(held), len(held)) == (
        whole[:length],
        whole[length:],
        len(whole) - len(taken),
    )
    held.put_back(taken)
    assert (bytes(held), len(held)) == (whole, len(whole))


def test_what_was_begun_goes_on():
    held = HeldBytes(b"begun")
    held.append(b", and more")
    assert bytes(held) == b"begun, and more"


def test_many_tiny_pieces_take_no_more_memory_than_their_bytes():
    held = HeldBytes()
    for _ in range(40_000):
        held.append(b"ab")
    assert sum(sys.getsizeof(each) for each in held._pieces) < 2 * len(held)
    assert len(held._pieces) < 4


def test_a_large_piece_that_is_taken_whole_is_not_copied():
    held, piece = HeldBytes(), bytes(SMALL)
    held.append(piece)
    assert held.take(SMALL) is piece
