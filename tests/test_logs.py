"""Logs are lines of JSON with metadata only: our own fields, and nothing that others may quote."""

import io
import json
import logging
import sys

import pytest

from therapy.entrypoints.logs import JsonLines


def line_of(record: logging.LogRecord) -> dict[str, object]:
    written = JsonLines().format(record)
    assert "\n" not in written
    return json.loads(written)


def test_our_lines_hold_the_fields_they_were_given() -> None:
    record = logging.makeLogRecord(
        {"name": "therapy.entrypoints.http", "msg": "request", "levelname": "INFO", "status": 200}
    )
    written = line_of(record)
    assert (written["event"], written["level"], written["status"]) == ("request", "info", 200)
    assert {"at", "logger"} <= set(written)


def test_what_others_put_into_their_lines_is_left_out() -> None:
    told = {"name": "some.library", "msg": "cannot read %s", "args": ("a text",), "body": "a text"}
    assert "a text" not in json.dumps(line_of(logging.makeLogRecord(told)))


@pytest.mark.parametrize("name", ["therapy.wiring", "some.library"])
def test_an_exception_is_its_kind_and_place_never_its_words(name: str) -> None:
    try:
        raise ValueError("what a person said")
    except ValueError:
        told = {"name": name, "msg": "it broke\nbadly", "exc_info": sys.exc_info()}
        written = line_of(logging.makeLogRecord(told))
    assert written["error"] == "ValueError"
    assert __file__ in str(written["where"])
    assert "person" not in json.dumps(written)
    assert written["event"] == "it broke"


def test_values_that_json_does_not_know_are_written_as_text() -> None:
    told = {"name": "therapy", "msg": "odd", "thing": io.StringIO, "level": "x"}
    assert "StringIO" in json.dumps(line_of(logging.makeLogRecord(told)))
