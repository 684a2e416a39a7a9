"""Fingerprints: unique keys that make a therapist's recording part of one session only."""

from datetime import timedelta

from msgspec.structs import replace

from therapy.domain.errors import AlreadyExists, Stale
from therapy.domain.session import Session
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.repositories.unique_keys import KEY, UniqueKey
from therapy.workflows.retry_stale import retry_stale

FREED_FOR = timedelta(days=1)
"""How long a freed fingerprint is remembered, so that an old version of it never matches."""


def fingerprint(therapist_id: str, content_hash: str) -> str:
    """Return the key that makes a therapist's recording unique, so that it becomes only one session."""
    return f"recording|{therapist_id}|{content_hash}"


async def taken_key(wanted: UniqueKey, *, records: Records) -> UniqueKey:
    """Take a key if it is free; return it as it is stored then, whoever has it.

    Raises:
        Stale: it was taken and freed again too often meanwhile.
    """

    async def attempt() -> UniqueKey:
        nonlocal wanted
        try:
            await Change(records.unique_keys.take(wanted)).commit(records.store)
            return replace(wanted, version=wanted.version + 1)
        except AlreadyExists:
            stored = await records.unique_keys.load(wanted.practice_id, wanted.key)
        if stored is not None and stored.value:
            return stored
        wanted = replace(wanted, version=stored.version if stored else 0)
        raise Stale(kind=KEY)

    return await retry_stale(attempt)


def has_recording(session: Session, content_hash: str) -> bool:
    """Return whether a recording is part of a session; its fingerprint may be left by a writer that died."""
    return content_hash in {each.content_hash for each in session.recordings}


async def free_fingerprints(session: Session, *, records: Records) -> None:
    """Free the fingerprints of the session's recordings, unless they belong to another session by now."""
    for each in session.recordings:
        key = fingerprint(session.therapist_id, each.content_hash)
        taken = await records.unique_keys.load(session.practice_id, key)
        if taken is not None and taken.value == session.id:
            freed = records.unique_keys.free(taken, until=records.now() + FREED_FOR)
            await Change(freed).commit(records.store)
