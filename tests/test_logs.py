"""Logs are lines of JSON with metadata only: our own fields, and nothing that others may quote."""

import asyncio
import io
import json
import logging
import subprocess
import sys

import pytest
from structlog.contextvars import bound_contextvars

from therapy.entrypoints.logs import IDS, JsonLines, bound_ids


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


def test_a_message_of_ours_is_written_with_its_arguments() -> None:
    told = {"name": "therapy.doorbell", "msg": "failed: %s", "args": ("KeyError",)}
    assert line_of(logging.makeLogRecord(told))["event"] == "failed: KeyError"


def test_a_field_of_ours_never_replaces_what_every_line_has() -> None:
    written = line_of(logging.makeLogRecord({"name": "therapy", "msg": "odd", "logger": "x"}))
    assert list(written) == ["at", "level", "logger", "event"]
    assert written["logger"] == "therapy"


def test_text_that_no_encoding_takes_is_written_all_the_same() -> None:
    told = {"name": "therapy", "msg": "odd", "half": "\ud800", "many": 2**80, "line": "a\u2028b"}
    written = line_of(logging.makeLogRecord(told))
    assert (written["half"], written["many"], written["line"]) == ("\ud800", 2**80, "a\u2028b")


@pytest.mark.parametrize("name", ["therapy.adapters.redis", "azure.core", "uvicorn.error"])
async def test_bound_ids_are_in_every_line_of_the_body_its_tasks_and_threads(name: str) -> None:
    def written() -> dict[str, object]:
        return line_of(logging.makeLogRecord({"name": name, "msg": "so it is"}))

    async def later() -> dict[str, object]:
        return written()

    with bound_ids(practice="p", session="s"):
        begun = asyncio.create_task(later())
        with bound_ids(run="r"):
            inside = [written(), await asyncio.to_thread(written)]
    for line in inside:
        assert (line["practice"], line["session"], line["run"]) == ("p", "s", "r")
    outer, outside = await begun, written()
    assert (outer["session"], "run" in outer) == ("s", False)
    assert not {*IDS} & outside.keys()


@pytest.mark.parametrize("value", [True, None, 2**63, 1.5, "a/\t\x7f", "א", ["x"], IDS], ids=repr)
def test_every_value_is_written_as_pythons_own_encoder_writes_it(value: object) -> None:
    record = logging.makeLogRecord({"name": "therapy", "msg": "x", "status": 200, "value": value})
    written = JsonLines().format(record)
    assert written == json.dumps(json.loads(written))
    assert json.loads(written)["value"] == (list(IDS) if value is IDS else value)


async def test_each_task_has_its_own_ids() -> None:
    async def line_in(session: str) -> object:
        with bound_ids(session=session):
            await asyncio.sleep(0)
            return line_of(logging.makeLogRecord({"name": "therapy", "msg": "x"}))["session"]

    sessions = [str(number) for number in range(20)]
    assert await asyncio.gather(*map(line_in, sessions)) == sessions


def test_a_field_of_its_own_wins_over_a_bound_id() -> None:
    with bound_ids(session="bound"):
        told = {"name": "therapy", "msg": "x", "session": "its own"}
        assert line_of(logging.makeLogRecord(told))["session"] == "its own"


def test_what_others_bind_is_not_written() -> None:
    with bound_contextvars(words="what a person said"):
        for name in ("therapy", "some.library"):
            written = line_of(logging.makeLogRecord({"name": name, "msg": "x"}))
            assert "person" not in json.dumps(written)


PROGRAM = """
import logging, sys, structlog
from therapy.entrypoints.logs import bound_ids, configure_logs

configure_logs("info")
with bound_ids(session="s-1", run="r-1"):
    logging.getLogger("therapy.http").info("request", extra={"status": 200})
    logging.getLogger("therapy.http").debug("not at this level")
    logging.getLogger("uvicorn.error").warning("client said %s", "a text")
    logging.getLogger("azure.core").info("others speak from warning on")
    structlog.get_logger("stamina").warning("again", caused_by="a text", exc_info=ValueError("a text"))
    structlog.get_logger("stamina").info("others speak from warning on", caused_by="a text")
    try:
        raise KeyError("a text")
    except KeyError:
        structlog.get_logger("taskiq").exception("a task failed")
"""


def test_a_process_writes_one_object_a_line_whoever_speaks() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    assert ran.stdout == b""
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [(each["logger"], each["event"]) for each in lines] == [
        ("therapy.http", "request"),
        ("uvicorn.error", "client said %s"),
        ("stamina", "again"),
        ("taskiq", "a task failed"),
    ]
    assert {(each["session"], each["run"]) for each in lines} == {("s-1", "r-1")}
    assert lines[0]["status"] == 200
    assert [each.get("error") for each in lines] == [None, None, "ValueError", "KeyError"]
    assert b"a text" not in ran.stderr
