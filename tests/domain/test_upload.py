"""A recording's fingerprint: the same bytes give the same one, whoever went on with the upload."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from therapy.domain.upload import BLOCK_SIZE, block_hash, content_hash


def test_the_fingerprint_is_a_hash_over_the_hashes_of_the_blocks():
    blocks = [b"a" * 10, b"b"]
    whole = b"".join(hashlib.sha256(block).digest() for block in blocks)
    assert content_hash(map(block_hash, blocks)) == hashlib.sha256(whole).hexdigest()


def test_a_block_has_four_mebibytes():
    assert BLOCK_SIZE == 4_194_304


def test_nothing_has_a_fingerprint_too():
    assert content_hash([]) == hashlib.sha256(b"").hexdigest()


@given(st.lists(st.binary(max_size=20), max_size=5), st.lists(st.binary(max_size=20), max_size=5))
def test_different_blocks_have_different_fingerprints(one, other):
    same = content_hash(map(block_hash, one)) == content_hash(map(block_hash, other))
    assert same == (one == other)


@given(st.lists(st.binary(max_size=20), max_size=6), st.integers(0, 6))
def test_another_machine_can_go_on_with_the_hashes_so_far(blocks, cut):
    hashes = [block_hash(block) for block in blocks]
    assert content_hash([*hashes[:cut], *map(block_hash, blocks[cut:])]) == content_hash(hashes)
