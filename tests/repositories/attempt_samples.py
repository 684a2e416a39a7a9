"""Samples of what is kept of attempts: what `samples.Sample` is made of, by kind."""

from typing import Any

from tests.builders import DAY, HOUR, NOW
from therapy.domain.attempts import Attempt
from therapy.domain.partition_keys import key
from therapy.repositories.attempts import Attempts, StoredAttempts
from therapy.repositories.known_addresses import (
    KNOWN,
    KnownAddress,
    KnownAddresses,
    KnownAddressLists,
)

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
}
