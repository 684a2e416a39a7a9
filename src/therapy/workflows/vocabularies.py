"""Vocabularies: what the therapists of a practice teach its engines."""

from msgspec.structs import replace

from therapy.domain.access import Action, Actor, require
from therapy.domain.errors import VersionChanged
from therapy.domain.vocabulary import Vocabulary, checked
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.workflows.edits import Expected
from therapy.workflows.retry_stale import retry_stale


async def load(actor: Actor, *, records: Records) -> Vocabulary:
    """Return the vocabulary of the actor's practice; an empty one, of version 0, if there is none yet.

    Raises:
        Forbidden: they are no therapist.
    """
    require(actor, Action.USE_VOCABULARY)
    return await records.vocabularies.load(actor.practice_id)


async def write(
    actor: Actor, vocabulary: Vocabulary, *, expected: Expected, records: Records
) -> Vocabulary:
    """Write the vocabulary of the actor's practice, and return it with its new version.

    `expected` are the versions that it may replace (None = any). What is recognised from now on is recognised
    with it; transcripts that are there do not change. The same sent again changes nothing.

    Raises:
        Forbidden: they are no therapist.
        InvalidInput: it is too long, or an entry has no word; names the field.
        VersionChanged: another version is there; says which.
    """
    require(actor, Action.USE_VOCABULARY)
    wanted = checked(vocabulary)

    async def attempt() -> Vocabulary:
        before = await records.vocabularies.load(actor.practice_id)
        after = replace(wanted, version=before.version)
        if before.version and after == before:
            return before
        if expected is not None and before.version not in expected:
            raise VersionChanged("vocabulary_changed", version=before.version)
        await Change(records.vocabularies.write(actor.practice_id, after)).commit(records.store)
        return replace(wanted, version=before.version + 1)

    return await retry_stale(attempt)
