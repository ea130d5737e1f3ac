"""Logs: a JSON line an event, with the trace and the caller; no local variables, no rows, no secrets."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy.exc import IntegrityError

from shared.kit.logs import configure_logs, log_of
from shared.kit.trace import begin_trace, tracing


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logs(stream)
    yield stream
    root.handlers, root.level = before, level


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_what_who_when_and_in_which_trace(stream: io.StringIO) -> None:
    with tracing(begin_trace(None, "ada")) as trace:
        log_of("ledger").info("checked-out", units=5, words="two\nlines")
    (line,) = _lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "checked-out",
        "level": "info",
        "logger": "ledger",
        "units": 5,
        "words": "two\nlines",
        "trace_id": trace.trace_id,
        "caller": "ada",
    }


def test_libraries_log_in_the_same_form(stream: io.StringIO) -> None:
    with tracing(begin_trace(None, "ada")) as trace:
        logging.getLogger("some.library").warning("took %d s", 7)
    (line,) = _lines(stream)
    assert (line["event"], line["logger"], line["trace_id"], line["caller"]) == ("took 7 s", "some.library", trace.trace_id, "ada")


def test_a_traceback_shows_no_local_variables(stream: io.StringIO) -> None:
    def fail(password: str) -> None:
        raise LookupError(len(password))

    try:
        fail("hunter2")
    except LookupError as error:
        log_of("x").error("internal-error", exc_info=error)
    (line,) = _lines(stream)
    assert [found["exc_type"] for found in line["exception"]] == ["LookupError"]
    assert "test_logs.py" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_what_a_row_holds_is_not_quoted(stream: io.StringIO) -> None:
    """PostgreSQL quotes the failing row in an error's DETAIL; the statement's parameters are hidden by the engine."""
    driver = asyncpg.CheckViolationError("new row violates check", "x")
    driver.detail = "Failing row contains (1, whsec_hunter2)."
    error = IntegrityError("INSERT …", None, Exception(str(driver)))
    assert "hunter2" in str(error)
    try:
        raise error
    except IntegrityError as caught:
        log_of("x").error("internal-error", exc_info=caught)
    log_of("x").warning("delivery-failed", error=repr(error), listed=[str(error)])
    assert "hunter2" not in stream.getvalue()
    assert stream.getvalue().count("new row violates check") == 3
    assert "INSERT …" in json.dumps(_lines(stream), ensure_ascii=False)


def test_a_process_that_configured_nothing_shows_no_local_variables_either(capfd: pytest.CaptureFixture[str]) -> None:
    """structlog's own default draws every variable of every frame, which takes seconds and tells secrets."""
    root = logging.getLogger()
    before, root.handlers = root.handlers, []

    def fail(password: str) -> None:
        raise LookupError(len(password))

    try:
        fail("hunter2")
    except LookupError as error:
        log_of("x").error("internal-error", exc_info=error)
    finally:
        root.handlers = before
    said = capfd.readouterr()
    assert "internal-error" in said.out + said.err
    assert "hunter2" not in said.out + said.err


def test_a_deep_and_long_failure_is_written_in_bounds(stream: io.StringIO) -> None:
    def fail(depth: int) -> None:
        if depth:
            fail(depth - 1)
        raise LookupError("x" * 100_000)

    def fail_again(times: int) -> None:
        if not times:
            fail(200)
        try:
            fail_again(times - 1)
        except Exception as error:
            raise RuntimeError(times) from error

    try:
        fail_again(50)
    except RuntimeError as error:
        log_of("x").error("internal-error", exc_info=error)
    (line,) = _lines(stream)
    assert len(stream.getvalue()) < 30_000
    first, *_, last = line["exception"]
    assert (first["exc_value"], last["exc_type"], line["causes_left_out"]) == ("50", "LookupError", 43)
    assert last["exc_value"].endswith("… (100000 characters)")
    assert max(len(cause["frames"]) for cause in line["exception"]) == 31, "and one that says how many were left out"
