"""Logs: one JSON object per line, on stderr, with an event, our own fields and ids. Metadata only.

The lines of every logger, including those of libraries, pass through structlog's processors here. Libraries'
lines are reduced to their message template, and exceptions to their class and place, because arguments and
messages may quote what people sent. Ids bound by `bound_ids` are in every line of the body, whoever writes
it.
"""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from types import TracebackType

import msgspec
import structlog
from structlog.contextvars import bind_contextvars, get_contextvars, reset_contextvars
from structlog.processors import JSONRenderer, TimeStamper, add_log_level
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_logger_name, filter_by_level
from structlog.typing import EventDict, Processor, WrappedLogger

OURS = "therapy"
LONGEST = 200
"""The most characters of an event's text."""

IDS = ("request_id", "practice", "session", "run")
"""The ids that may be bound; nothing else that is bound is written."""

_FIRST = ("at", "level", "logger", "event")
_NO_FIELDS = {*logging.makeLogRecord({}).__dict__, *_FIRST}
_ENCODER = json.JSONEncoder(default=str)
DELETE = "\x7f"
_FAST_ENCODER = msgspec.json.Encoder()
_PLAIN_TYPES = {str, bool, int, float}


@contextmanager
def bound_ids(**ids: str) -> Iterator[None]:
    """Bind some of `IDS` while the body runs, also for its tasks and threads.

    As structlog's `bound_contextvars`, which takes longer, because it reads all that is bound before.
    """
    before = bind_contextvars(**ids)
    try:
        yield
    finally:
        reset_contextvars(**before)


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object: at, level, logger, event, bound ids, then its own fields."""

    def __init__(self) -> None:
        super().__init__()
        self._ours = _formatter(ExtraAdder(), _bound)
        self._theirs = _formatter(_event_only, _bound, use_get_message=False)

    def format(self, record: logging.LogRecord) -> str:
        if record.name.partition(".")[0] != OURS:
            return self._theirs.format(record)
        if record.exc_info or record.stack_info or record.args:
            return self._ours.format(record)
        return _plain(record)


def configure_logs(level: str) -> None:
    """Send every log of this process to stderr: our own from `level` on, others from warning on."""
    # Nothing of this is written, and to find it out takes a fifth of what a record takes.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("taskiq").setLevel(logging.ERROR)  # it warns whenever it is stopped
    logging.getLogger(OURS).setLevel(level.upper())
    structlog.configure(  # else a library that logs with structlog would bypass all this
        processors=[filter_by_level, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _formatter(*first: Processor, use_get_message: bool = True) -> ProcessorFormatter:
    processors: list[Processor] = [
        *first,
        _first_line,
        _kind_and_place,
        add_log_level,
        add_logger_name,
        TimeStamper(fmt="iso", key="at"),
        _in_order,
        JSONRenderer(default=str),
    ]
    return ProcessorFormatter(processors=processors, use_get_message=use_get_message)


def _plain(record: logging.LogRecord) -> str:
    """Return the line of a record of ours that has nothing but fields: what the processors make of it.

    A server writes one for each request, and they take 40 microseconds.
    """
    bound, given = get_contextvars(), record.__dict__
    line: dict[str, object] = {
        "at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": str(record.msg).strip().partition("\n")[0][:LONGEST],
    }
    line |= {name: bound[name] for name in IDS if name in bound}
    line |= {name: given[name] for name in given if name not in _NO_FIELDS and name[0] != "_"}
    return _json(line)


def _json(line: dict[str, object]) -> str:
    """Return a line as Python's own encoder writes it, which takes four times as long for plain ASCII.

    Only exponents of numbers look different: 1e16 for 1e+16.
    """
    if _PLAIN_TYPES.issuperset(map(type, line.values())):
        with suppress(ValueError, OverflowError):  # what is not ASCII, or no text or number of JSON
            text = msgspec.json.format(_FAST_ENCODER.encode(line), indent=0).decode("ascii")
            if DELETE not in text:  # the only control character that it leaves as it is
                return text
    return _ENCODER.encode(line)


def _event_only(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Drop every field except those that later processors need."""
    kept = ("event", "exc_info", "_record", "_from_structlog")
    return {name: line[name] for name in kept if name in line}


def _bound(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    bound = get_contextvars()
    return {name: bound[name] for name in IDS if name in bound} | dict(line)


def _first_line(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    line["event"] = str(line["event"]).strip().partition("\n")[0][:LONGEST]
    return line


def _kind_and_place(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Replace an exception by its class and place, without its text."""
    line.pop("stack_info", None)
    found = line.pop("exc_info", None)
    if isinstance(found, tuple):
        found = found[1]
    elif found and not isinstance(found, BaseException):
        found = sys.exc_info()[1]
    if found:
        line.update(error=type(found).__name__, where=_place(found.__traceback__))
    return line


def _place(trace: TracebackType | None) -> str:
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""


def _in_order(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    rest = [name for name in line if name not in _FIRST and not name.startswith("_")]
    return {name: line[name] for name in (*_FIRST, *rest)}
