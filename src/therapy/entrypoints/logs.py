"""Logs: one JSON object a line, on stderr: what happened, and its `extra` fields. Metadata only.

Lines of other libraries are cut to the template they were written with, and exceptions to their kind and
place: an argument or a message of theirs may quote what people sent.
"""

import logging
import sys
from datetime import UTC, datetime

import msgspec

OURS = "therapy"
LONGEST = 200
"""Characters of an event's words."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Writes a record as one JSON object: at, level, logger, event, then the record's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if record.name.partition(".")[0] == OURS:
            line["event"] = _first_line(record.getMessage())
            line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        else:
            line["event"] = _first_line(str(record.msg))
        if record.exc_info and record.exc_info[0]:
            line |= {"error": record.exc_info[0].__name__, "where": _place(record)}
        return msgspec.json.encode(line, enc_hook=str).decode()


def configure_logs(level: str) -> None:
    """Send every log of this process to stderr; `level` is for our own, others speak from warning on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("taskiq").setLevel(logging.ERROR)  # it warns whenever it is told to stop
    logging.getLogger(OURS).setLevel(level.upper())


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:LONGEST]


def _place(record: logging.LogRecord) -> str:
    trace = record.exc_info[2] if record.exc_info else None
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
