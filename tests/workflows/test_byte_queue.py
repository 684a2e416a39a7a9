"""A queue of bytes: nothing is lost or changed, however small or large the pieces are that come and go."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from therapy.workflows.byte_queue import SMALL, ByteQueue


@given(
    st.lists(st.one_of(st.binary(max_size=40), st.integers(SMALL - 2, SMALL + 2)), max_size=8),
    st.data(),
)
def test_what_is_taken_is_what_came_in_its_order(pieces, data):
    come = [each if isinstance(each, bytes) else bytes([each % 251]) * each for each in pieces]
    queue, whole = ByteQueue(), b"".join(come)
    for each in come:
        queue.append(each)
    assert (bytes(queue), len(queue), queue.first(5)) == (whole, len(whole), whole[:5])
    length = data.draw(st.integers(0, len(whole) + 2))
    taken = queue.take(length)
    assert (taken, bytes(queue), len(queue)) == (
        whole[:length],
        whole[length:],
        len(whole) - len(taken),
    )
    queue.put_back(taken)
    assert (bytes(queue), len(queue)) == (whole, len(whole))


def test_what_was_begun_goes_on():
    queue = ByteQueue(b"begun")
    queue.append(b", and more")
    assert bytes(queue) == b"begun, and more"


def test_many_tiny_pieces_take_no_more_memory_than_their_bytes():
    queue = ByteQueue()
    for _ in range(40_000):
        queue.append(b"ab")
    assert sum(sys.getsizeof(each) for each in queue._pieces) < 2 * len(queue)
    assert len(queue._pieces) < 4


def test_a_large_piece_that_is_taken_whole_is_not_copied():
    queue, piece = ByteQueue(), bytes(SMALL)
    queue.append(piece)
    assert queue.take(SMALL) is piece
