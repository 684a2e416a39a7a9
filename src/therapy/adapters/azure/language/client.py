"""Azure AI Language: how to reach it, which languages it knows, and how much text it takes at once.

Limits and languages follow Microsoft's "Service limits" and "Language support" of the Language service
as of April 2026. Characters there are text elements, of which a text never has more than it has code
points, so counting code points keeps the limit in any script.
"""

import asyncio
import re
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple, TypeVar

from azure.ai.textanalytics.aio import TextAnalyticsClient
from azure.core.credentials import AzureKeyCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import HttpResponseError

from therapy.adapters.azure.credentials import machine_identity
from therapy.adapters.azure.engine_errors import engine_errors
from therapy.domain.errors import EngineFailed, LanguageNotSupported

_CODES = """
af am ar as az be bg bn br bs ca cs cy da de el en eo es et eu fa fi fil fr fy ga gd gl gu ha he hi
hr hu hy id it ja jv ka kk km kn ko ku ky la lo lt lv mg mk ml mn mr ms my ne nl no om or pa pl ps
pt-BR pt-PT ro ru sa sd si sk sl so sq sr su sv sw ta te th tr ug uk ur uz vi xh yi zh-hans zh-hant
"""
LANGUAGES = frozenset(_CODES.split())
"""What sentiment and key phrases are offered in; personal details and summaries in fewer."""

SAME = {
    "iw": "he",  # what old Androids say
    "nb": "no",
    "nn": "no",
    "pt": "pt-PT",
    "tl": "fil",
    "zh": "zh-hans",
    "zh-hk": "zh-hant",
    "zh-mo": "zh-hant",
    "zh-tw": "zh-hant",
}
"""Tags by which a language of the list is called elsewhere."""

MAX_CHARACTERS = 5_120
"""Of one document, and here of one request too."""

MAX_DOCUMENTS = 10
MAX_JOB_CHARACTERS = 125_000
DEADLINE = 60.0
"""Seconds for one request, the SDK's own tries and the pauses that the service asks for included."""

UNSUPPORTED = "UnsupportedLanguageCode"
LATER = frozenset({"InternalServerError", "ServiceUnavailable", "Timeout", "TooManyRequests"})
"""Codes of a single document's error that are about the service, not about the document."""

_BY_LOWER = {each.lower(): each for each in LANGUAGES}
_SENTENCE_END = re.compile(r"[.!?…׃]+[\"'”’)\]]*\s+|\n+")
T = TypeVar("T")


class Piece(NamedTuple):
    """A part of a text that fits into one document: `place` is the text's, `start` where it begins."""

    place: int
    start: int
    text: str


@asynccontextmanager
async def language_client(
    endpoint: str, *, key: str = "", credential: AsyncTokenCredential | None = None, **options: Any
) -> AsyncIterator[TextAnalyticsClient]:
    """Open a Language resource by its key, or by the machine's own identity, unless one is given."""
    settings = {"retry_total": 3, "connection_timeout": 5, "read_timeout": 30} | options
    async with AsyncExitStack() as stack:
        if credential is None and not key:
            credential = await stack.enter_async_context(machine_identity())
        proof = credential or AzureKeyCredential(key)
        client = TextAnalyticsClient(endpoint, proof, **settings)
        stack.push_async_exit(client)
        yield client


def language_of(tag: str) -> str:
    """Give the service's code of a BCP 47 tag.

    Raises:
        LanguageNotSupported: it has none.
    """
    wanted = tag.strip().replace("_", "-").lower()
    while wanted:
        wanted = SAME.get(wanted, wanted).lower()
        if wanted in _BY_LOWER:
            return _BY_LOWER[wanted]
        wanted = wanted.rpartition("-")[0]
    raise LanguageNotSupported(language=tag)


def split(text: str, limit: int = MAX_CHARACTERS) -> Iterator[str]:
    """Cut a text into parts of at most `limit` characters: after a sentence, else after a word.

    Nothing is lost or added: the parts together are the text.
    """
    start = 0
    while len(text) - start > limit:
        window = text[start : start + limit]
        ends = [found.end() for found in _SENTENCE_END.finditer(window)]
        end = ends[-1] if ends else window.rfind(" ") + 1
        if not end:  # one word that is too long: not between a letter and its marks
            end = limit
            while end > 1 and unicodedata.combining(text[start + end]):
                end -= 1
        yield text[start : start + end]
        start += end
    yield text[start:]


def pieces_of(texts: Iterable[str]) -> Iterator[Piece]:
    """Cut texts into documents; what has no letter to read is left out."""
    for place, text in enumerate(texts):
        start = 0
        for part in split(text):
            if part.strip():
                yield Piece(place, start, part)
            start += len(part)


def batches(pieces: Iterable[Piece], documents: int = MAX_DOCUMENTS) -> Iterator[list[Piece]]:
    """Put pieces together into requests, as many as fit."""
    batch: list[Piece] = []
    for piece in pieces:
        characters = sum(len(each.text) for each in batch) + len(piece.text)
        if batch and (len(batch) == documents or characters > MAX_CHARACTERS):
            yield batch
            batch = []
        batch.append(piece)
    if batch:
        yield batch


def documents_of(texts: Iterable[str]) -> list[dict[str, str]]:
    """Texts as the SDK takes them, numbered in their order."""
    return [{"id": str(number), "text": text} for number, text in enumerate(texts)]


async def answered(
    asked: Awaitable[Sequence[T]], count: int, language: str, deadline: float = DEADLINE
) -> Sequence[T]:
    """Wait for the answers to `count` documents. A document's own error is one of them.

    Raises:
        LanguageNotSupported: the service says that it does not do the language.
        EngineFailed: there is no answer, or it is none to what was asked.
    """
    with engine_errors():
        try:
            found = await asyncio.wait_for(asked, deadline)
        except HttpResponseError as exc:
            if getattr(exc.error, "code", "") == UNSUPPORTED:
                raise LanguageNotSupported(language=language) from None
            raise
        except KeyError:  # the SDK's way to say that a document has no answer
            found = ()
    if len(found) != count:
        raise EngineFailed(reason="incomplete", transient=True)
    for each in found:
        code = code_in(each)
        if code == UNSUPPORTED:
            raise LanguageNotSupported(language=language)
        if code in LATER:
            raise EngineFailed(reason=code, transient=True)
    return found


def code_in(answer: object) -> str:
    """The code of a document's error, "" if it has an answer."""
    if not getattr(answer, "is_error", False):
        return ""
    return str(getattr(getattr(answer, "error", None), "code", "") or "unknown")
