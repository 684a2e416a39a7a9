"""Practice settings: what an operator changes of a practice. Nothing caches them: they hold at once."""

from msgspec.structs import replace

from therapy.domain.errors import AlreadyExists, InvalidInput
from therapy.domain.people import PatientSees, Practice, check_name, same_name
from therapy.domain.preferred_language import LANGUAGES
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.workflows.retry_stale import retry_stale


async def change_practice(
    practice_id: str,
    *,
    name: str | None = None,
    language: str | None = None,
    patient_sees: PatientSees | None = None,
    records: Records,
) -> Practice:
    """Change what is passed of a practice, leave the rest, and return the practice as it is then.

    Changes of different settings at the same moment all stay. What patients see holds for the next request
    on every replica; the language for the next push, mail and access token.

    Raises:
        InvalidInput: the name is blank or too long, or there are no messages in the language.
        AlreadyExists: another practice has this name, apart from case and blanks.
        NotFound: there is no such practice.
    """
    if name is not None:
        name = await _free_name(practice_id, name, records=records)
    if language is not None and language not in LANGUAGES:
        raise InvalidInput("language")
    wanted = {"name": name, "language": language, "patient_sees": patient_sees}
    chosen = {field: value for field, value in wanted.items() if value is not None}

    async def attempt() -> Practice:
        before, version = await records.practices.load_with_version(practice_id)
        after = replace(before, **chosen)
        if after != before:
            await Change(records.practices.change(after, version)).commit(records.store)
        return after

    after = await retry_stale(attempt)
    await _list(practice_id, records=records)
    return after


async def _free_name(practice_id: str, name: str, *, records: Records) -> str:
    """Return the name without surrounding blanks; no two practices share one, as they are chosen by it."""
    name = check_name(name)
    for each in await records.practices.all():
        if each.id != practice_id and same_name(each.name, name):
            raise AlreadyExists("practice_name_taken")
    return name


async def _list(practice_id: str, *, records: Records) -> None:
    """Bring the list of all practices up to date, also if someone else has changed the practice since."""
    listed = None
    while listed != (stored := await records.practices.load(practice_id)):
        await Change(records.practices.list_entry(stored)).commit(records.store)
        listed = stored
