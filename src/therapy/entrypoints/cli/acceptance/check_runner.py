"""Runs acceptance checks against a server, with their shared context and what is left to clean up."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
import msgspec

from therapy.entrypoints.cli.acceptance import shapes
from therapy.entrypoints.cli.mobile_client import CallFailed, MobileClient, outcome_of

T = TypeVar("T")


class Skipped(Exception):
    """Raised by a check that has nothing to check; says why."""


@dataclass(frozen=True)
class Check:
    """The result of one check; `remark` has statuses and field names, never anything about a person."""

    call: str
    what: str
    result: str
    ms: float
    remark: str = ""


@dataclass
class CheckContext:
    """A signed-in therapist's app, and what the checks have found so far."""

    app: MobileClient
    email: str
    password: str
    wav: bytes
    wait: float
    patient: MobileClient | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    session_id: str = ""
    upload: str = ""
    lines: list[dict[str, str]] = field(default_factory=list)
    sent: list[dict[str, str]] = field(default_factory=list)
    closed: list[shapes.Item] = field(default_factory=list)
    registered: bool = False
    leftovers: set[str] = field(default_factory=set)

    def session(self) -> str:
        """Return the id of the uploaded session.

        Raises:
            Skipped: there is none.
        """
        if not self.session_id:
            raise Skipped("nothing was uploaded")
        return self.session_id


Step = tuple[str, str, Callable[[CheckContext], None]]


def run(steps: Iterable[Step], context: CheckContext, report: Callable[[str], None]) -> list[Check]:
    """Run every check, even if earlier ones failed; return the results."""
    return [_run_one(step, context, report) for step in steps]


def _run_one(step: Step, context: CheckContext, report: Callable[[str], None]) -> Check:
    call, what, check = step
    report(f"{call}  {what}")
    began, result, remark = time.monotonic(), "passed", ""
    try:
        check(context)
    except Skipped as exc:
        result, remark = "skipped", str(exc)
    except CallFailed as exc:
        result, remark = "failed", str(exc)
    except httpx.TimeoutException as exc:
        result, remark = "failed", f"expected an answer in time, got {type(exc).__name__}"
    except httpx.HTTPError as exc:
        result, remark = "failed", f"expected an answer, got {type(exc).__name__}"
    return Check(call, what, result, round((time.monotonic() - began) * 1000, 1), remark)


def expect(answer: httpx.Response, status: int, shape: type[T]) -> T:
    """Return the answer's JSON in its shape.

    Raises:
        CallFailed: it has another status, or another shape; says which field.
    """
    if answer.status_code != status:
        raise CallFailed(f"expected {status}, got {outcome_of(answer)}")
    try:
        return msgspec.json.decode(answer.content, type=shape)
    except msgspec.ValidationError as exc:
        raise CallFailed(f"expected the contract's shape, got: {exc}") from None
    except msgspec.DecodeError:
        raise CallFailed("expected JSON, got something else") from None


def expect_empty(answer: httpx.Response, status: int = 204) -> None:
    """Raise CallFailed unless the answer has this status.

    Raises:        CallFailed: it has another status.
    """
    if answer.status_code != status:
        raise CallFailed(f"expected {status}, got {outcome_of(answer)}")


def refused(answer: httpx.Response, *statuses: int) -> None:
    """Raise CallFailed unless it is an error that the app can show: of these statuses, as problem details.

    Raises:
        CallFailed: it is anything else.
    """
    if answer.status_code not in statuses:
        wanted = " or ".join(str(each) for each in statuses)
        raise CallFailed(f"expected {wanted}, got {outcome_of(answer)}")
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if kind != "application/problem+json":
        raise CallFailed(f"expected problem details, got {kind or 'no content type'}")
    expect(answer, answer.status_code, shapes.Problem)


def wanted(condition: object, expected: str, got: str) -> None:
    """Raise CallFailed unless a condition holds that a shape can't express.

    Raises:
        CallFailed: it does not hold.
    """
    if not condition:
        raise CallFailed(f"expected {expected}, got {got}")
