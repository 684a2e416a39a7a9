"""Azure AI Language, as far as the service is asked here: /language/:analyze-text and its jobs.

Limits follow "Data and rate limits for Azure AI Language" in its documentation: too many documents are a
400 for the whole request, a document over 5,120 characters or without text is an error of that document
alone, a request over 1 MB is a 413. Characters are text elements there, as .NET's StringInfo counts them.
`text_records` is the bill, by kind: each document that is answered costs a record for every 1,000 characters
begun. What would exceed the `budget` is refused, as the service refuses when a quota is used up.

What is found in a text comes from language_answers.py, always alike; `sentiments` scripts what a part of a
text is ({"my dog": "negative"}), `failures` which fail ({"my cat": "InvalidDocument"}), `languages` which a
kind can do. A job is finished at the check after `polls_until_done`, but never while `jobs_held`.
Faults go by kind: `Fault("SentimentAnalysis", status=429, headers={"Retry-After": "1"})`, `Fault("job")`
for asking how a job stands.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import unicodedata
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.emulators.fakes import Fake
from tests.emulators.language_answers import ANSWERS

MAX_CHARACTERS = 5_120
MAX_JOB_CHARACTERS = 125_000
MAX_BYTES = 1_000_000
MAX_DOCUMENTS = {
    "SentimentAnalysis": 10,
    "KeyPhraseExtraction": 10,
    "PiiEntityRecognition": 5,
    "LanguageDetection": 1000,
    "AbstractiveSummarization": 25,
    "ExtractiveSummarization": 25,
}
# Kinds that do fewer languages than sentiment does (the documentation's list for summaries).
SUMMARIES = ["de", "en", "es", "fr", "he", "it", "ja", "ko", "pl", "pt", "zh-hans"]
MODEL = "emulated"
TEXT_RECORD = 1_000
JOINERS = {"\u200c", "\u200d"}


Failed = Mapping[str, dict[str, Any] | None]


@dataclasses.dataclass(frozen=True)
class Asked:
    """A request, read."""

    kind: str
    name: str
    documents: list[dict[str, str]]
    size: int


def text_elements(text: str) -> int:
    """How many characters a reader sees: marks, joined emoji, skin tones and pairs of letters for a flag
    count with what they belong to."""
    count, before, flags = 0, "", 0
    for each in text:
        flags = flags + 1 if "\U0001f1e6" <= each <= "\U0001f1ff" else 0
        belongs = (
            unicodedata.category(each) in {"Mn", "Me", "Mc"}
            or each in JOINERS
            or "\U0001f3fb" <= each <= "\U0001f3ff"
            or before == "\u200d"
            or (before, each) == ("\r", "\n")
            or (flags and flags % 2 == 0)
        )
        count += not (belongs and before)
        before = each
    return count


def text_records(documents: list[dict[str, str]]) -> int:
    """What documents cost: a record for every 1,000 characters begun, of each by itself."""
    return sum(-(-text_elements(each["text"]) // TEXT_RECORD) for each in documents)


class FakeLanguage(Fake):
    """The sentiment, key phrases, personal data, language and summary of texts."""

    key = "language-key"

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.sentiments: dict[str, str] = {}
        self.failures: dict[str, str] = {}
        self.languages = {"AbstractiveSummarization": SUMMARIES}
        self.polls_until_done = 1
        self.jobs_held = False
        self.text_records: collections.Counter[str] = collections.Counter()
        self.budget: int | None = None
        self._jobs: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)

    def settings(self) -> dict[str, str]:
        return {"TEXT_ANALYTICS_KEY": self.key or "", "TEXT_ANALYTICS_ENDPOINT": self.url}

    def clear(self) -> None:
        super().clear()
        self.sentiments = {}
        self.failures = {}
        self.languages = {"AbstractiveSummarization": SUMMARIES}
        self.polls_until_done = 1
        self.jobs_held = False
        self.text_records.clear()
        self.budget = None

    def seen(self) -> dict[str, Any]:
        return {**super().seen(), "text_records": dict(self.text_records)}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/language/:analyze-text", self._by_kind),
            web.post("/language/analyze-text/jobs", self._by_kind),
            web.get("/language/analyze-text/jobs/{job}", self._poll),
        ]

    def name_of(self, request: web.Request) -> str:
        return "job" if request.method == "GET" else ""  # a POST's kind is in its body

    def refusal(self, status: int, code: str = "", message: str = "") -> web.Response:
        outer = {401: "401", 429: "TooManyRequests", 500: "InternalServerError"}.get(status)
        error: dict[str, Any] = {
            "code": outer or "InvalidRequest",
            "message": message or "Invalid Request.",
        }
        if code:
            error["innererror"] = {"code": code, "message": message}
        return web.json_response({"error": error}, status=status)

    async def _by_kind(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        job = "tasks" in body
        task = body["tasks"][0] if job else body
        parameters = task.get("parameters", {})
        documents = body["analysisInput"]["documents"]
        asked = Asked(
            task["kind"], task.get("taskName", "0"), documents, request.content_length or 0
        )
        self.calls.append(
            {
                "kind": asked.kind,
                "documents": documents,
                "parameters": parameters,
                "logging_opt_out": parameters.get("loggingOptOut", False),
            }
        )
        fault = self.faults.take(asked.kind)
        if fault is not None and fault.kind == "empty":
            asked = dataclasses.replace(asked, documents=[])
            fault = None
        answer = functools.partial(self._start if job else self._analyse, asked)
        return await self.met(fault, request, answer)

    def _refuse_batch(self, asked: Asked) -> web.Response | None:
        limit = MAX_DOCUMENTS.get(asked.kind)
        if limit is None:
            return self.refusal(400, "InvalidRequest", f"Unknown kind {asked.kind}.")
        if len(asked.documents) > limit:
            said = f"Batch request contains too many records. Max {limit} records are permitted."
            return self.refusal(400, "InvalidDocumentBatch", said)
        if len({document["id"] for document in asked.documents}) < len(asked.documents):
            return self.refusal(400, "InvalidDocumentBatch", "Request contains duplicated Ids.")
        if asked.size > MAX_BYTES:
            return self.refusal(413, "InvalidRequest", "Request body is too large.")
        return None

    def _failure(self, kind: str, document: dict[str, str], limit: int) -> dict[str, Any] | None:
        text, language = document["text"], document.get("language") or "en"
        if not text.strip():
            code, said = "InvalidDocument", "Document text is empty."
        elif text_elements(text) > limit:
            code, said = "InvalidDocument", f"Limit document size to: {limit} text elements."
        elif language not in self.languages.get(kind, [language]):
            code, said = "UnsupportedLanguageCode", "Invalid language code."
        else:
            code = next((code for part, code in self.failures.items() if part in text), "")
            said = "Scripted failure."
        if not code:
            return None
        inner = {"code": code, "message": said}
        error = {"code": "InvalidArgument", "message": "Invalid document.", "innererror": inner}
        return {"id": document["id"], "error": error}

    def _failures(self, asked: Asked, limit: int) -> Failed:
        """The error of each document; None for one that is answered, and billed."""
        return {each["id"]: self._failure(asked.kind, each, limit) for each in asked.documents}

    def _billed(self, asked: Asked, failed: Failed) -> web.Response | None:
        """Put the documents that are answered on the bill; the refusal if the budget is used up."""
        cost = text_records([each for each in asked.documents if failed[each["id"]] is None])
        if self.budget is not None and self.text_records.total() + cost > self.budget:
            return self.refusal(403, "OutOfCallVolumeQuota", "Out of call volume quota.")
        self.text_records[asked.kind] += cost
        return None

    def _results(self, asked: Asked, failed: Failed) -> dict[str, Any]:
        find = ANSWERS[asked.kind]
        return {
            "documents": [
                {"id": each["id"], "warnings": [], **find(each["text"], self.sentiments)}
                for each in asked.documents
                if failed[each["id"]] is None
            ],
            "errors": [error for error in failed.values() if error is not None],
            "modelVersion": MODEL,
        }

    async def _analyse(self, asked: Asked, request: web.Request) -> web.Response:
        failed = self._failures(asked, MAX_CHARACTERS)
        refused = self._refuse_batch(asked) or self._billed(asked, failed)
        if refused is not None:
            return refused
        results = self._results(asked, failed)
        return web.json_response({"kind": f"{asked.kind}Results", "results": results})

    async def _start(self, asked: Asked, request: web.Request) -> web.Response:
        refused = self._refuse_batch(asked)
        if refused is not None:
            return refused
        if sum(text_elements(each["text"]) for each in asked.documents) > MAX_JOB_CHARACTERS:
            return self.refusal(400, "InvalidDocumentBatch", "The request is too large.")
        failed = self._failures(asked, MAX_JOB_CHARACTERS)
        refused = self._billed(asked, failed)
        if refused is not None:
            return refused
        job = f"{next(self._numbers):08}-0000-4000-8000-000000000000"
        task = {
            "kind": f"{asked.kind}LROResults",
            "taskName": asked.name,
            "status": "succeeded",
            "lastUpdateDateTime": "2026-01-01T00:00:01Z",
            "results": self._results(asked, failed),
        }
        self._jobs[job] = {"task": task, "polls": 0}
        place = f"{self.url}/language/analyze-text/jobs/{job}?api-version=2023-04-01"
        return web.Response(status=202, headers={"operation-location": place})

    async def _poll(self, request: web.Request) -> web.Response:
        job = self._jobs.get(request.match_info["job"])
        if job is None:
            return self.refusal(404, "NotFound", "Job not found.")
        job["polls"] += 1
        done = job["polls"] > self.polls_until_done and not self.jobs_held
        counts = {"completed": int(done), "failed": 0, "inProgress": int(not done), "total": 1}
        return web.json_response(
            {
                "jobId": request.match_info["job"],
                "createdDateTime": "2026-01-01T00:00:00Z",
                "lastUpdateDateTime": "2026-01-01T00:00:01Z",
                "expirationDateTime": "2026-01-02T00:00:00Z",
                "errors": [],
                "status": "succeeded" if done else "running",
                "tasks": {**counts, "items": [job["task"]] if done else []},
            }
        )
