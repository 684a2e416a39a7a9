"""Samples of what is kept of attempts and credentials: what `samples.Sample` is made of, by kind."""

from typing import Any

from msgspec.structs import replace

from tests.builders import DAY, HOUR, NOW, PATIENT, PRACTICE
from therapy.domain.attempts import Attempt
from therapy.domain.credentials import Credentials
from therapy.domain.partition_keys import key
from therapy.repositories.attempts import Attempts, StoredAttempts
from therapy.repositories.credentials import CREDENTIALS, CredentialsOfPeople
from therapy.repositories.known_addresses import (
    KNOWN,
    KnownAddress,
    KnownAddresses,
    KnownAddressLists,
)
from therapy.repositories.logins import access_partition

ATTEMPT_SAMPLES: dict[str, dict[str, Any]] = {
    "attempts": {
        "repository": StoredAttempts,
        "record": Attempts((Attempt("attempt-1", "source-1", NOW),), NOW + HOUR),
        "write": lambda repository, record, place: repository.write(place.name, record),
        "load": lambda repository, place: repository.load(place.name),
        "changes": {"expires_at": NOW + DAY},
        "everywhere": True,
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
