"""Who asked, and in which trace: carried through HTTP and events without passing it by hand.

A trace id is that of W3C trace context, so that our ids are the ones a tracing system shows.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

Door = Literal["http", "event", "timer", "system"]
"""By which door something came in; ``system``: by none, the process itself does it."""

CALLER_HEADER = "licensing-caller"
"""Who asks, in UTF-8, of a service that was given no identity keys; every other takes the caller from the gateway's word alone."""

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Trace:
    """One request, event or timer run: its trace id (32 hexadecimal digits), the caller behind it and the door."""

    trace_id: str
    caller: str
    door: Door = "http"

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{secrets.token_hex(8)}-01"


def begin_trace(traceparent: str | None, caller: str, door: Door = "http") -> Trace:
    """Continue the trace of a ``traceparent``, or begin one where there is none that can be read."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    return Trace(match[1] if match else secrets.token_hex(16), caller, door)


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current_trace() -> Trace:
    """The trace of what is going on now; outside of any, a new one of the system itself."""
    return _current.get() or begin_trace(None, "system", "system")


@contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """Everything inside belongs to ``trace``."""
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)
