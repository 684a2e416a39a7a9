"""Vocabularies: the names and terms of a practice, one record beside it."""

from therapy.domain.errors import Stale
from therapy.domain.vocabulary import Vocabulary
from therapy.repositories.change import Pending
from therapy.repositories.practices import practice_partition
from therapy.repositories.repository import Repository

VOCABULARY = "vocabulary"


class Vocabularies(Repository[Vocabulary]):
    """Stores the vocabularies of practices."""

    kind = VOCABULARY
    struct = Vocabulary

    async def load(self, practice_id: str) -> Vocabulary:
        """Return a practice's vocabulary; an empty one, of version 0, if nobody has written one."""
        return await self.get(practice_partition(practice_id), VOCABULARY) or Vocabulary()

    def write(self, practice_id: str, vocabulary: Vocabulary) -> Pending:
        """Write a vocabulary over the one of its version; Stale if there is another."""
        partition, stale = practice_partition(practice_id), Stale(practice=practice_id)
        return self.save(partition, VOCABULARY, vocabulary, vocabulary.version, stale)
