"""The people of a practice, how they sign in, and the devices they carry."""

import re
import unicodedata
from datetime import date, datetime
from enum import Enum

from msgspec import Struct

from therapy.domain.errors import InvalidInput
from therapy.domain.text_folding import normalise, plain_digits


class Role(Enum):
    """What a person is in the practice; the values are the mobile app's words."""

    THERAPIST = "THERAPIST"
    PATIENT = "PATIENT"


class PatientSees(Enum):
    """What a patient may read of a closed session: a setting of the practice."""

    FULL = "full"
    WITHOUT_NOTES = "without_notes"
    NOTHING = "nothing"


class Practice(Struct, frozen=True):
    """A practice; its pushes and mails are in `language` ("en" or "he")."""

    id: str
    name: str
    language: str = "en"
    patient_sees: PatientSees = PatientSees.FULL


class Person(Struct, frozen=True, omit_defaults=True):
    """An account in a practice.

    `id` is random; `number` is the nine-digit number of a patient, unique in the practice, "" for
    a therapist. `email` is unique over all practices, whatever its case. `version` is the store's.
    """

    id: str
    practice_id: str
    role: Role
    email: str
    full_name: str
    password_hash: str
    created_at: datetime
    number: str = ""
    date_of_birth: date | None = None
    picture_url: str = ""
    demo: bool = False
    version: int = 0

    def __repr__(self) -> str:
        return f"Person(id={self.id!r}, practice_id={self.practice_id!r}, role={self.role.name})"

    @property
    def public_id(self) -> str:
        """What the app calls this person's id: the number of a patient, else the random id."""
        return self.number or self.id


class Login(Struct, frozen=True, omit_defaults=True):
    """One signed-in app: a family of single-use refresh tokens, stored hashed (SHA-256).

    `counter` is the number of the current token, from 1. `previous_hash` is that of the token used
    last: if it is presented again within the grace period, its answer was lost. Any other spent token
    is a replay, and the login ends. `epoch` is the person's when the password was checked. From `family`,
    a random text, the secrets of its refresh tokens are derived; "" in logins of before there were families.
    """

    sid: str
    practice_id: str
    person_id: str
    refresh_hash: str
    created_at: datetime
    rotated_at: datetime
    expires_at: datetime
    previous_hash: str = ""
    counter: int = 1
    epoch: int = 0
    family: str = ""
    version: int = 0

    def __repr__(self) -> str:
        return f"Login(sid={self.sid!r}, person_id={self.person_id!r}, epoch={self.epoch})"


class Reset(Struct, frozen=True, omit_defaults=True):
    """A mailed one-time token to change a password, stored hashed (SHA-256).

    Once it is `used`, `password_hash` is the new password's, so that an interrupted change can be completed.
    It is the `only` one of its person, unless a program of before wrote it.
    """

    token_hash: str
    practice_id: str
    person_id: str
    expires_at: datetime
    created_at: datetime | None = None
    used: bool = False
    password_hash: str = ""
    only: bool = False
    version: int = 0

    def __repr__(self) -> str:
        return f"Reset(person_id={self.person_id!r}, used={self.used})"


class Device(Struct, frozen=True, omit_defaults=True):
    """An app installation that gets pushes, registered under the login `sid`, for as long as that lives."""

    token: str
    practice_id: str
    person_id: str
    sid: str
    platform: str
    registered_at: datetime
    expires_at: datetime | None = None
    version: int = 0

    def __repr__(self) -> str:
        return f"Device(person_id={self.person_id!r}, sid={self.sid!r})"


MIN_PASSWORD = 8
MAX_PASSWORD = 256
LONGEST_NAME = 200
_EMAIL = re.compile(r"[^\s@\x00-\x1f]{1,64}@[^\s@\x00-\x1f]{1,190}")
NUMBER_DIGITS = 9
_NUMBER = re.compile(r"[0-9]{9}")
_SHORT_NUMBER = re.compile(r"[0-9]{5,9}")


def email_key(email: str) -> str:
    """Return the form of an e-mail address by which it is looked up and unique."""
    return email.strip().casefold()


def check_email(email: str) -> str:
    """Return the address without surrounding blanks; InvalidInput if it can't be one."""
    if not _EMAIL.fullmatch(email.strip()):
        raise InvalidInput("email", "email")
    return email.strip()


def check_name(name: str) -> str:
    """Return the name without surrounding blanks; InvalidInput if it is blank or too long."""
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise InvalidInput("name", "field_too_long" if name else "required")
    return name


def check_number(number: str) -> str:
    """Return the nine-digit patient number without surrounding blanks; InvalidInput if it isn't one."""
    if not _NUMBER.fullmatch(number.strip()):
        raise InvalidInput("number", "patient_number")
    return number.strip()


def has_all_digits(number: str) -> bool:
    """Return whether a typed patient number has nine digits, in any script, with or without separators."""
    return _NUMBER.fullmatch(_digits(number)) is not None


def full_number(number: str) -> str:
    """Return a typed patient number as nine digits, with its leading zeros; "" if it can't be one.

    Spreadsheets and forms drop leading zeros. The result is a guess: by itself it says not who is meant.
    """
    digits = _digits(number)
    return digits.zfill(NUMBER_DIGITS) if _SHORT_NUMBER.fullmatch(digits) else ""


def _digits(number: str) -> str:
    return re.sub(r"[\s-]", "", plain_digits(number))


def lacks_zeros(number: str) -> bool:
    """Return whether a typed patient number has fewer than nine digits, so that `full_number` is a guess."""
    return len(re.sub(r"[\s-]", "", plain_digits(number))) < NUMBER_DIGITS


def password_forms(password: str) -> tuple[str, ...]:
    """Return the forms in which a typed password may have been hashed, the one to hash first.

    That is NFC (NIST SP 800-63B, 5.1.1.2: normalise), because keyboards write the same letter in different
    ways. Before, passwords were hashed as they were typed: so that, and NFD, are tried too.
    """
    nfc, nfd = (unicodedata.normalize(form, password) for form in ("NFC", "NFD"))
    return tuple(dict.fromkeys((nfc, password, nfd)))


def check_password(
    password: str, *, email: str, is_common: bool, field: str = "newPassword"
) -> str:
    """Return the password; InvalidInput if it is too weak (NIST SP 800-63B, 5.1.1), or one that many have."""
    normal = password_forms(password)[0]
    if not MIN_PASSWORD <= len(normal) <= MAX_PASSWORD:
        raise InvalidInput(field, "weak_password", least=MIN_PASSWORD)
    if password.casefold() in email_key(email) or len(set(password)) < 3:
        raise InvalidInput(field, "weak_password", least=MIN_PASSWORD)
    if is_common:
        raise InvalidInput(field, "common_password")
    return password


def common_forms(password: str) -> tuple[str, ...]:
    """Return the forms in which a password is looked for in a list of common ones.

    That is NFC in small letters, and the same without the signs around it: `Password1!` is `password1`.
    """
    form = unicodedata.normalize("NFC", password).casefold()
    return tuple(dict.fromkeys((form, re.sub(r"^[\W_]+|[\W_]+$", "", form))))


def same_name(one: str, other: str) -> bool:
    """Return whether two typed names are the same apart from case, blanks, marks and punctuation.

    Texts without letters or digits are never the same name.
    """
    return normalise(one) == normalise(other) != ""
