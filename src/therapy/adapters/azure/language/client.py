"""Azure AI Language: connecting, its languages, and asking it about documents.

Languages are those of Microsoft's "Language support" page as of April 2026.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from azure.ai.textanalytics.aio import TextAnalyticsClient
from azure.core.credentials import AzureKeyCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import HttpResponseError

from therapy.adapters.azure.credentials import machine_identity
from therapy.adapters.azure.engine_errors import engine_errors
from therapy.adapters.azure.transport import KeepAliveTransport
from therapy.adapters.keep_alive import KEEP_ALIVE_SECONDS
from therapy.domain.errors import EngineFailed, LanguageNotSupported

_CODES = """
af am ar as az be bg bn br bs ca cs cy da de el en eo es et eu fa fi fil fr fy ga gd gl gu ha he hi
hr hu hy id it ja jv ka kk km kn ko ku ky la lo lt lv mg mk ml mn mr ms my ne nl no om or pa pl ps
pt-BR pt-PT ro ru sa sd si sk sl so sq sr su sv sw ta te th tr ug uk ur uz vi xh yi zh-hans zh-hant
"""
LANGUAGES = frozenset(_CODES.split())
"""The languages of sentiment and key phrases; personal details and summaries support fewer."""

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
"""Other tags for languages in the list."""

DEADLINE = 60.0
"""Seconds for one request, including the SDK's retries and the pauses that the service asks for."""

UNSUPPORTED = "UnsupportedLanguageCode"
LATER = frozenset({"InternalServerError", "ServiceUnavailable", "Timeout", "TooManyRequests"})
"""Error codes of a single document that are about the service, not the document."""

_BY_LOWER = {each.lower(): each for each in LANGUAGES}
T = TypeVar("T")


@asynccontextmanager
async def language_client(
    endpoint: str,
    *,
    key: str = "",
    credential: AsyncTokenCredential | None = None,
    keep_alive: float = KEEP_ALIVE_SECONDS,
    **options: Any,
) -> AsyncIterator[TextAnalyticsClient]:
    """Yield a client for a Language resource, opened with a credential, a key, or the machine's identity."""
    settings: dict[str, Any] = {
        "retry_total": 3,
        "read_timeout": 30,
    } | options
    settings.setdefault("transport", KeepAliveTransport(keep_alive, **settings))
    async with AsyncExitStack() as stack:
        if credential is None and not key:
            credential = await stack.enter_async_context(machine_identity())
        proof = credential or AzureKeyCredential(key)
        client = TextAnalyticsClient(endpoint, proof, **settings)
        stack.push_async_exit(client)
        yield client


def language_of(tag: str) -> str:
    """Return the service's code for a BCP 47 tag.

    Raises:
        LanguageNotSupported: the service does not support the language.
    """
    wanted = tag.strip().replace("_", "-").lower()
    while wanted:
        wanted = SAME.get(wanted, wanted).lower()
        if wanted in _BY_LOWER:
            return _BY_LOWER[wanted]
        wanted = wanted.rpartition("-")[0]
    raise LanguageNotSupported(language=tag)


def documents_of(texts: Iterable[str]) -> list[dict[str, str]]:
    """Return texts in the form that the SDK takes, numbered in order."""
    return [{"id": str(number), "text": text} for number, text in enumerate(texts)]


async def answered(
    asked: Awaitable[Sequence[T]], count: int, language: str, deadline: float = DEADLINE
) -> Sequence[T]:
    """Return the answers for `count` documents; an error about one document counts as its answer.

    Raises:
        LanguageNotSupported: the service does not support the language.
        EngineFailed: there is no answer, or not one for each document.
    """
    with engine_errors():
        try:
            found = await asyncio.wait_for(asked, deadline)
        except HttpResponseError as exc:
            if getattr(exc.error, "code", "") == UNSUPPORTED:
                raise LanguageNotSupported(language=language) from None
            raise
        except KeyError:  # the SDK raises it if a document has no answer
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
    """Return the code of a document's error; "" if it has a proper answer."""
    if not getattr(answer, "is_error", False):
        return ""
    return str(getattr(getattr(answer, "error", None), "code", "") or "unknown")
