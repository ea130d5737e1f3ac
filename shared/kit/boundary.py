"""The outermost layer of a service: who calls and by when, trace, measurement, access log, and the last word on every exception.

Must not be broken: where there is a verifier, nobody is answered without the gateway's word, but for health and figures; and
nobody who meant another service.
"""

import time
from functools import partial

from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.kit.deadline import DEADLINE_HEADER, answer_in_time, deadline_from_header, due_in
from shared.kit.faults import Faults
from shared.kit.health import HEALTH_PATHS
from shared.kit.identity import IDENTITY_HEADER, SERVICE_HEADER, IdentityRefused, IdentityVerifier, identified
from shared.kit.logs import log_line, log_of
from shared.kit.metrics import Metrics
from shared.kit.problems import problem_response
from shared.kit.store_faults import is_collision, is_store_failure
from shared.kit.trace import CALLER_HEADER, begin_trace, tracing

_log = log_of("http")
_CALLER, _IDENTITY, _DEADLINE = CALLER_HEADER.encode(), IDENTITY_HEADER.encode(), DEADLINE_HEADER.encode()
_SERVICE = SERVICE_HEADER.encode()

_LONGEST_PATH = 4000


class Boundary:
    """ASGI middleware around a whole service."""

    def __init__(
        self, app: ASGIApp, *, service: str, metrics: Metrics, faults: Faults | None, verifier: IdentityVerifier | None = None
    ) -> None:
        """Without ``verifier`` everybody is answered, and called what the plain header says: for a service that stands alone."""
        self._app = app
        self._service = service
        self._metrics = metrics
        self._faults = faults
        self._verifier = verifier
        self._measured: dict[tuple[str, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        app, identity = self._app, None
        caller = "nobody"
        if self._verifier is None:
            caller = headers.get(_CALLER, b"nobody").decode("utf-8", "replace")
        elif scope["path"] not in HEALTH_PATHS:
            try:
                identity = self._verifier.verify(headers.get(_IDENTITY, b"").decode("latin-1"))
                caller = identity.caller
            except IdentityRefused as refused:
                app = _refusal(refused)
        if headers.get(_SERVICE, self._service.encode()) != self._service.encode():
            app = _misdirected(self._service)
        trace = begin_trace(headers.get(b"traceparent", b"").decode("latin-1"), caller)
        deadline = deadline_from_header(headers.get(_DEADLINE))
        with tracing(trace), identified(identity), due_in(deadline):
            await self._answer(app, deadline, scope, receive, send)

    async def _answer(self, app: ASGIApp, deadline: float | None, scope: Scope, receive: Receive, send: Send) -> None:
        status = 0
        began = time.perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if deadline is None:
                await app(scope, receive, watch)
            else:
                await answer_in_time(deadline, app, scope, receive, watch, partial(_too_late, deadline))
        except Exception as error:
            if self._faults is not None:
                await self._faults.report(error, f"{scope['method']} {_route(scope)}")
            else:
                _log.error("unhandled", service=self._service, exc_info=error)
            if status:
                raise  # the response has begun: nothing honest can be said any more but to break it off
            await self._last_word(error, scope, receive, watch)
        finally:
            self._record(scope, status, time.perf_counter() - began)

    async def _last_word(self, error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
        if is_store_failure(error) or is_collision(error):
            slug, seconds, title = (
                ("busy", "1", "Busy") if is_collision(error) else ("data-store-unavailable", "5", "The data store does not answer")
            )
            detail = f"{title}. Nothing of this request was stored unless a later read shows it; try again in {seconds} s."
            response = problem_response(slug, 503, title, detail, headers={"Retry-After": seconds})
        else:
            detail = "An error that nobody foresaw. Nothing was stored. Report the trace_id with the log of this service."
            response = problem_response("internal-error", 500, "Internal error", detail)
        await response(scope, receive, send)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        asked = (scope["method"], _route(scope), status)
        measured = self._measured.get(asked)
        if measured is None:
            measured = self._metrics.requests.labels(self._service, scope["method"], _route(scope), str(status))
            self._measured[asked] = measured  # as many as there are series: few
        measured.observe(seconds)
        path = scope["path"]
        if path not in HEALTH_PATHS:
            clipped = path if len(path) <= _LONGEST_PATH else f"{path[:_LONGEST_PATH]}… ({len(path)} characters)"
            milliseconds = round(seconds * 1000, 1)
            log_line(
                "http", "request", service=self._service, method=scope["method"], path=clipped, status=status, milliseconds=milliseconds
            )


def _refusal(refused: IdentityRefused) -> ASGIApp:
    detail = f"This service answers through the gateway only, which sends its word for the caller as {IDENTITY_HEADER}: {refused}."
    headers = {"WWW-Authenticate": IDENTITY_HEADER}
    return problem_response("identity-required", 401, "Not through the gateway", detail, headers=headers)


def _misdirected(service: str) -> ASGIApp:
    detail = f"This is the {service} service, and another one was meant. Nothing was done."
    return problem_response("misdirected", 421, "Another service was meant", detail)


def _too_late(seconds: float) -> ASGIApp:
    detail = f"No answer within {seconds:g} s. Nothing of this request was stored unless a later read shows it; try again in 2 s."
    return problem_response("deadline-exceeded", 503, "The time for an answer is over", detail, headers={"Retry-After": "2"})


def _route(scope: Scope) -> str:
    """The template, never the path: a label per device would grow without end."""
    return getattr(scope.get("route"), "path", "unmatched")
