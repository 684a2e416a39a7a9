"""Samples of attempts, credentials, keyed requests and vocabularies: what `samples.Sample` is made of."""

from typing import Any

from msgspec.structs import replace

from tests.builders import DAY, HOUR, NOW, PATIENT, PRACTICE
from therapy.domain.attempts import Attempt
from therapy.domain.credentials import Credentials
from therapy.domain.idempotency import KeyedRequest
from therapy.domain.partition_keys import key
from therapy.domain.vocabulary import Correction, Vocabulary
from therapy.repositories.attempts import Attempts, StoredAttempts
from therapy.repositories.credentials import CREDENTIALS, CredentialsOfPeople
from therapy.repositories.idempotency_keys import KeyedRequests
from therapy.repositories.known_addresses import (
    KNOWN,
    KnownAddress,
    KnownAddresses,
    KnownAddressLists,
)
from therapy.repositories.logins import access_partition
from therapy.repositories.vocabularies import Vocabularies

A_REQUEST = KeyedRequest(
    PRACTICE, PATIENT, "retry_session", "name-1", "holder-1", NOW + DAY, NOW + DAY
)


def request_at(record: KeyedRequest, place: Any) -> KeyedRequest:
    return replace(record, practice_id=place.practice, key_hash=place.name)


def practice_of(place: Any) -> str:
    return f"{place.practice}.{place.name}"


async def vocabulary(repository: Vocabularies, place: Any) -> Vocabulary | None:
    found = await repository.load(practice_of(place))
    return found if found.version else None


ATTEMPT_SAMPLES: dict[str, dict[str, Any]] = {
    "attempts": {
        "repository": StoredAttempts,
        "record": Attempts((Attempt("attempt-1", "source-1", NOW),), NOW + HOUR),
        "write": lambda repository, record, place: repository.write(place.name, record),
        "load": lambda repository, place: repository.load(place.name),
        "changes": {"expires_at": NOW + DAY},
        "everywhere": True,
    },
    "keyed_request": {
        "repository": KeyedRequests,
        "record": A_REQUEST,
        "write": lambda repository, record, _: repository.write(record),
        "load": lambda repository, place: repository.load(request_at(A_REQUEST, place)),
        "named": request_at,
        "text": "holder",
    },
    "vocabulary": {
        "repository": Vocabularies,
        "record": Vocabulary(("sertraline",), (Correction("sir taline", "sertraline"),)),
        "write": lambda repository, record, place: repository.write(practice_of(place), record),
        "load": vocabulary,
        "changes": {"terms": ("changed",)},
    },
    "known-addresses": {
        "repository": KnownAddressLists,
        "record": KnownAddresses((KnownAddress("address-1", NOW),)),
        "write": lambda repository, record, place: repository.write(place.name, record),
        "load": lambda repository, place: repository.get(key(KNOWN, place.name), KNOWN),
        "taken": None,
        "stale": None,
        "changes": {"known": (KnownAddress("address-2", NOW),)},
        "everywhere": True,
    },
    "credentials": {
        "repository": CredentialsOfPeople,
        "record": Credentials(PRACTICE, PATIENT, epoch=1, password_hash="$hash$"),
        "write": lambda repository, record, _: repository.write(record),
        "load": lambda repository, place: repository.get(access_partition(*place), CREDENTIALS),
        "named": lambda record, place: replace(
            record, practice_id=place.practice, person_id=place.name
        ),
        "text": "password_hash",
    },
}
