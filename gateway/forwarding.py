"""Hands a request on to the application that answers it, unbuffered both ways.

Must not be broken: what says who is calling comes from here alone, whatever arrived under those names; a body is measured as
it passes and never held; and once an answer has begun, a failure breaks it off instead of ending it as if it were whole.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import refusals
from gateway.surface import Operation
from shared.kit.deadline import DEADLINE_HEADER, answer_in_time, deadline_in_header
from shared.kit.identity import IDENTITY_HEADER, SERVICE_HEADER, IdentityRefused
from shared.kit.logs import log_of
from shared.kit.problems import problem_response
from shared.kit.trace import CALLER_HEADER, Trace

_log = log_of("forwarding")
_FOR_THE_ANSWER_SECONDS = 0.5
"""Less than the gateway itself waits: a service whose time is up says so, and what became of the request."""

_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade".split()
)
_SAID = (IDENTITY_HEADER, DEADLINE_HEADER, SERVICE_HEADER)
# The key stays here as well: no service needs it.
_OURS = frozenset({b"authorization", *(name.encode() for name in ("traceparent", CALLER_HEADER, *_SAID))})
Headers = list[tuple[bytes, bytes]]


def _without_hops(headers: Headers, dropped: frozenset[bytes] = frozenset()) -> Headers:
    """RFC 9110, 7.6.1: also what Connection names belongs to this hop."""
    named = frozenset(word.strip().lower() for name, value in headers if name == b"connection" for word in value.split(b","))
    gone = _HOP_BY_HOP | dropped | named
    return [(name, value) for name, value in headers if name not in gone]


@dataclass(frozen=True, slots=True)
class Word:
    """What the gateway says of a request: who asks (a signed token), and how long the answer may take to begin."""

    identity: str
    deadline_seconds: float


def forwarded_scope(scope: Scope, operation: Operation, path: str, trace: Trace, word: Word) -> Scope:
    """The request as the upstream sees it: the operation's method, the path as it was matched and as it was sent, our own headers."""
    headers = _without_hops(scope["headers"], _OURS)
    told = max(word.deadline_seconds - _FOR_THE_ANSWER_SECONDS, word.deadline_seconds / 2)
    headers.append((b"traceparent", trace.traceparent.encode()))
    said = (word.identity, deadline_in_header(told), operation.upstream)
    headers += [(name.encode(), value.encode()) for name, value in zip(_SAID, said, strict=True)]
    # 2.3: an application then listens for the client's disconnect, which is how event streams are ended.
    asgi = {"version": "3.0", "spec_version": "2.3"}
    return {**scope, "method": operation.method, "path": path, "root_path": "", "headers": headers, "asgi": asgi}


class Forwarder:
    """The applications behind the gateway, and the exchanges under way."""

    def __init__(self, upstreams: Mapping[str, ASGIApp]) -> None:
        self._upstreams = upstreams
        self._under_way: set[_Exchange] = set()
        self.stopping = False

    def __len__(self) -> int:
        return len(self._under_way)

    def stop(self) -> None:
        """Say that the process is stopping, and end the event streams, which would never end by themselves."""
        self.stopping = True
        for exchange in self._under_way:
            exchange.end_event_stream()

    async def forward(self, request: "Forwarded", receive: Receive, send: Send, upstream: ASGIApp | None = None) -> None:
        """Have the request answered by ``upstream``, by default the one of its operation. Raises what breaks a begun answer off."""
        exchange = _Exchange(request, receive, send, self)
        self._under_way.add(exchange)
        try:
            await exchange.run(upstream or self._upstreams[request.operation.upstream])
        finally:
            self._under_way.discard(exchange)


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A request as its upstream sees it. ``head_only``: the client asked with HEAD and gets no body."""

    operation: Operation
    scope: Scope
    head_only: bool
    deadline_seconds: float


class _Exchange:
    """One request on its way to an upstream and its answer on the way back."""

    def __init__(self, request: Forwarded, receive: Receive, send: Send, forwarder: Forwarder) -> None:
        self._scope = request.scope
        self._receive = receive
        self._send = send
        self._operation = request.operation
        self._forwarder = forwarder
        self._head_only = request.head_only
        self._deadline_seconds = request.deadline_seconds
        self._over = asyncio.Event()
        self._status = 0
        self._complete = False
        self._cut_off = False
        self._client_gone = False
        self._event_stream = False
        self._body_read = False
        self._bytes = 0

    async def run(self, upstream: ASGIApp) -> None:
        try:
            await answer_in_time(self._deadline_seconds, upstream, self._scope, self._receive_some, self._pass_back, lambda: self._too_late)
        except Exception as error:
            if self._status:
                raise
            await self._upstream_failed(error)
        if not self._status and not self._client_gone:
            await self._upstream_failed(None)
        if self._over.is_set() and not self._complete:
            await self._send({"type": "http.response.body", "body": b""})
        elif not self._complete and not self._client_gone:
            raise UnfinishedAnswer(self._operation.upstream, self._operation.operation_id)

    def end_event_stream(self) -> None:
        if self._event_stream:
            self._over.set()

    async def _receive_some(self) -> Message:
        if self._cut_off:
            return {"type": "http.disconnect"}
        if self._body_read:
            return await self._hung_up()
        message = await self._receive()
        self._client_gone = message["type"] == "http.disconnect"
        self._bytes += len(message.get("body", b""))
        self._body_read = not message.get("more_body", False)
        if self._bytes > self._operation.largest_body_bytes and not self._cut_off:
            self._cut_off = True
            if not self._status:
                await self._say(too_large(self._operation))
            return {"type": "http.disconnect"}
        return message

    async def _hung_up(self) -> Message:
        """The client's disconnect, or the end that we make of an event stream."""
        real, ours = asyncio.ensure_future(self._receive()), asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait({real, ours}, return_when=asyncio.FIRST_COMPLETED)
            self._client_gone = real.done()
            return real.result() if real.done() else {"type": "http.disconnect"}
        finally:
            real.cancel()
            ours.cancel()

    async def _pass_back(self, message: Message) -> None:
        if self._cut_off or self._complete:
            return
        if message["type"] == "http.response.start":
            if message["status"] == 401:
                # No service knows callers' keys: what it refuses is our word, and the caller's key is not to be blamed for it.
                raise IdentityRefused(self._operation.upstream)
            self._status = message["status"]
            message = {**message, "headers": _without_hops(list(message.get("headers", [])))}
            self._event_stream = MutableHeaders(raw=message["headers"]).get("content-type", "").startswith("text/event-stream")
            if self._event_stream and (self._head_only or self._forwarder.stopping):
                self._over.set()
        elif message["type"] == "http.response.body":
            self._complete = not message.get("more_body", False)
            if self._head_only:
                message = {**message, "body": b""}
        await self._send(message)

    async def _too_late(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        name = self._operation.upstream
        _log.error("upstream-too-late", upstream=name, operation=self._operation.operation_id)
        if not self._status:  # else it was cut off, and told why
            await self._say(refusals.too_late(name, self._deadline_seconds))

    async def _upstream_failed(self, error: Exception | None) -> None:
        """Before the answer began: 503 where it could not be reached, 502 where it broke."""
        name = self._operation.upstream
        away = isinstance(error, OSError)
        # No traceback for a service that is away: every request tells of it meanwhile, and no line of ours is to blame.
        _log.error("upstream-failed", upstream=name, operation=self._operation.operation_id, error=repr(error), exc_info=not away and error)
        reason = "could not be reached" if away else "failed before it answered"
        detail = f"The {name} service {reason}. Whether it did anything of this request is not known; look before you repeat it."
        members = {"upstream": name, "reason": type(error).__name__ if error else "no answer"}
        headers = {"Retry-After": "2"} if away else {}
        status, title = (503, "A service did not answer") if away else (502, "A service failed")
        await self._say(problem_response("upstream-unavailable", status, title, detail, members=members, headers=headers))

    async def _say(self, answer: ASGIApp) -> None:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._status = message["status"]
            await self._send({**message, "body": b""} if self._head_only and "body" in message else message)

        await answer(self._scope, self._receive, told)
        self._complete = True


class UnfinishedAnswer(Exception):
    """An upstream returned in the middle of its answer; the connection is broken off, for the rest is missing."""


def too_large(operation: Operation) -> ASGIApp:
    """413, with the limit."""
    limit = operation.largest_body_bytes
    detail = f"The body of {operation.method} {operation.path} may have {limit} bytes ({limit / 1024 / 1024:g} MiB). Send less at once."
    return problem_response("content-too-large", 413, "Content too large", detail, members={"limit_bytes": limit})
