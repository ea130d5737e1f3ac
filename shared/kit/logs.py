"""JSON logs, a line an event, with the trace id and the caller. Nothing secret: no local variables, no bodies, no keys.

Must not be broken: nothing here waits for ``configure_logs``. A logger carries its own processors, because structlog's defaults draw
a traceback with every local variable of every frame: seconds of a stopped event loop, and whatever secret those variables hold.
"""

import logging
import re
import sys
from datetime import UTC, datetime
from json.encoder import encode_basestring as _quoted
from typing import Any, TextIO

import structlog
from structlog.types import EventDict, Processor

from shared.kit.trace import current_trace

_DETAIL = re.compile(r"(?:\n|\\n)DETAIL:.*?(?=\n|\\n|$)", re.DOTALL)
_LONGEST_TEXT = 4000
_MOST_FRAMES = 30
_MOST_CAUSES = 8
_READY = "licensing_line"


def _add_trace(_logger: object, _method: str, event: EventDict) -> EventDict:
    trace = current_trace()
    event.setdefault("trace_id", trace.trace_id)
    event.setdefault("caller", trace.caller)
    return event


def _few_causes(_logger: object, _method: str, event: EventDict) -> EventDict:
    """The first and the last of a long chain of exceptions: what was seen, and what began it."""
    chain = event.get("exception")
    if isinstance(chain, list) and len(chain) > _MOST_CAUSES:
        event["exception"] = [*chain[: _MOST_CAUSES // 2], *chain[-_MOST_CAUSES // 2 :]]
        event["causes_left_out"] = len(chain) - _MOST_CAUSES
    return event


def _discreet(value: Any) -> Any:
    """Drop PostgreSQL's DETAIL from every text: it quotes the row, and with it whatever secret the row holds. Clip what is long."""
    if isinstance(value, str):
        text = _DETAIL.sub("", value) if "DETAIL:" in value else value
        return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}… ({len(text)} characters)"
    if isinstance(value, dict):
        return {key: _discreet(part) for key, part in value.items()}
    return [_discreet(part) for part in value] if isinstance(value, list | tuple) else value


def _all_discreet(_logger: object, _method: str, event: EventDict) -> EventDict:
    return {key: _discreet(value) for key, value in event.items()}


_SHARED: list[Processor] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _add_trace,
]


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """What is JSON already goes out as it is."""

    def format(self, record: logging.LogRecord) -> str:
        ready: str | None = getattr(record, _READY, None)
        return super().format(record) if ready is None else ready


def configure_logs(stream: TextIO = sys.stderr, level: int = logging.INFO) -> None:
    """Send this process's logs, those of libraries included, to ``stream`` as JSON."""
    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=_MOST_FRAMES, use_rich=False)
    formatter = _Formatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.ExceptionRenderer(frames),
            _few_causes,
            _all_discreet,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    # Nothing of ours says them, and each costs every line a question.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for noisy in ("uvicorn.access", "httpx", "alembic", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def log_line(name: str, event: str, **facts: str | float) -> None:
    """One line at level info, as ``log_of(name).info`` writes it, for what is logged thousands of times a second.

    ``facts`` are discreet and short already.
    """
    logger = logging.getLogger(name)
    if not logger.isEnabledFor(logging.INFO):
        return
    trace = current_trace()
    stamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    whose = {"trace_id": trace.trace_id, "caller": trace.caller}
    said = {**facts, "event": event, "level": "info", "logger": name, "timestamp": stamp, **whose}
    record = logging.LogRecord(name, logging.INFO, "", 0, event, (), None)
    members = [f'"{key}": {_quoted(value) if isinstance(value, str) else value}' for key, value in said.items()]
    setattr(record, _READY, f"{{{', '.join(members)}}}")
    logger.handle(record)


def log_of(name: str) -> structlog.stdlib.BoundLogger:
    """The log of one part, named after it."""
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[structlog.stdlib.filter_by_level, *_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return logger
