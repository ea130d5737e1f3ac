"""JSON logs, a line an event, with the trace id and the caller. Nothing secret: no local variables, no bodies, no keys."""

import logging
import re
import sys
from typing import Any, TextIO

import structlog
from structlog.types import EventDict, Processor

from shared.kit.trace import current_trace

_DETAIL = re.compile(r"(?:\n|\\n)DETAIL:.*?(?=\n|\\n|$)", re.DOTALL)


def _add_trace(_logger: object, _method: str, event: EventDict) -> EventDict:
    trace = current_trace()
    event.setdefault("trace_id", trace.trace_id)
    event.setdefault("caller", trace.caller)
    return event


def _without_row_contents(value: Any) -> Any:
    """Drop PostgreSQL's DETAIL from every text: it quotes the row, and with it whatever secret the row holds."""
    if isinstance(value, str):
        return _DETAIL.sub("", value)
    if isinstance(value, dict):
        return {key: _without_row_contents(part) for key, part in value.items()}
    return [_without_row_contents(part) for part in value] if isinstance(value, list | tuple) else value


def _discreet(_logger: object, _method: str, event: EventDict) -> EventDict:
    return {key: _without_row_contents(value) for key, value in event.items()}


def configure_logs(stream: TextIO = sys.stderr, level: int = logging.INFO) -> None:
    """Send this process's logs, those of libraries included, to ``stream`` as JSON."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            tracebacks,
            _discreet,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for noisy in ("uvicorn.access", "httpx", "alembic", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def log_of(name: str) -> structlog.stdlib.BoundLogger:
    """The log of one part, named after it."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
