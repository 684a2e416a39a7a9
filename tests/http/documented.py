"""What the OpenAPI document says of an answer: every answer that a test gets is compared with it."""

import json
import re
from functools import cached_property
from typing import Any

from httpx import Response
from jsonschema_rs import Draft202012Validator

PROBLEM_TYPE = "application/problem+json"
UNDOCUMENTED = {405, 500}
"""Statuses of no operation: a method that there is none for, and a fault of ours."""


class Document:
    """An application's OpenAPI document."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        self._validators: dict[str, Draft202012Validator] = {}

    @cached_property
    def _operations(self) -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
        """Those at fixed paths first, as the router has it."""
        return [
            (method, re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operation)
            for path, methods in sorted(
                self.content["paths"].items(), key=lambda each: each[0].count("{")
            )
            for method, operation in methods.items()
        ]

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """Return the operation that a request is for; None where there is none."""
        found = (
            operation
            for verb, pattern, operation in self._operations
            if verb == method.lower() and pattern.fullmatch(path.rstrip("/") or "/")
        )
        return next(found, None)

    def check(self, answer: Response) -> None:
        """Assert that an answer is as the document says: status, headers, type, shape and code."""
        request = answer.request
        operation = self.operation(request.method, request.url.path)
        if operation is None or answer.status_code in UNDOCUMENTED:
            return
        name = f"{operation['operationId']} {answer.status_code}"
        documented = operation["responses"].get(str(answer.status_code))
        assert documented, f"{name} is not documented: {answer.text[:300]}"
        missing = [header for header in documented["headers"] if header not in answer.headers]
        assert not missing, f"{name} lacks {missing}"
        kind = answer.headers.get("content-type", "").split(";")[0]
        media = documented.get("content", {}).get(kind)
        if media is None or request.method == "HEAD" or not kind.endswith("json"):
            return
        errors = [str(each.message) for each in self.validator(media).iter_errors(answer.json())]
        assert not errors, f"{name}: {errors}"
        if "examples" in media:
            assert answer.json()["code"] in media["examples"], f"{name}: {answer.text}"

    def validator(self, media: dict[str, Any]) -> Draft202012Validator:
        """Return what checks a body against a media type's schema, which many bodies share."""
        schema = json.dumps(media["schema"])
        if schema not in self._validators:
            components = {"components": self.content["components"]}
            self._validators[schema] = Draft202012Validator(media["schema"] | components)
        return self._validators[schema]
