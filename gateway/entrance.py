"""The way in: match, recognise the caller, measure, hand on. Plain ASGI, because every request of every phone passes here.

Must not be broken: the order. What is not published is 404 for everybody; then the key; then the scope; then the size; and only
then does an upstream hear of the request.
"""

import time
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import refusals
from gateway.domain.caller import Caller, may
from gateway.forwarding import Forwarded, Forwarder, Word, forwarded_scope, too_large
from gateway.key_ring import KeyRing, KeysUnavailable
from gateway.route_table import RouteTable, UnusablePath, segments_of
from gateway.settings import GatewaySettings
from gateway.surface import Operation
from shared.kit.identity import IdentityIssuer
from shared.kit.logs import log_of
from shared.kit.metrics import Metrics
from shared.kit.trace import Trace, begin_trace, current_trace, tracing

_log = log_of("entrance")
OWN = "gateway"
"""The upstream that is the gateway's own application: callers, health, contract, documentation."""

_NOBODY = Caller("nobody", "none")
"""Who reads the pages that need no key."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What the entrance decides by."""

    routes: RouteTable
    keys: KeyRing
    forwarder: Forwarder
    settings: GatewaySettings
    metrics: Metrics
    issuer: IdentityIssuer


class Entrance:
    """ASGI middleware around the gateway's own application; what belongs to other upstreams never reaches that."""

    def __init__(self, app: ASGIApp, *, admission: Admission) -> None:
        self._own = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._own(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        operation: Operation | None = None
        with tracing(begin_trace(_header(scope, b"traceparent") or "", "nobody")):
            try:
                operation, refusal = await self._answer(scope, receive, watch)
            except Exception as error:
                _log.error("answer-broken-off" if status else "entrance-failed", exc_info=error)
                if status:
                    raise
                refusal = True
                await refusals.failed()(scope, receive, watch)
            finally:
                self._record(operation, status, time.perf_counter() - began)
            if refusal:
                _log.info("refused", method=scope["method"], path=scope["path"][:200], status=status)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> tuple[Operation | None, bool]:
        """Answer; returns the operation where one was matched, and whether the gateway itself refused."""
        raw_path = scope.get("raw_path") or scope["path"].encode()
        try:
            segments = segments_of(raw_path)
        except UnusablePath as error:
            await refusals.unusable_path(str(error))(scope, receive, send)
            return None, True
        operations = self._admission.routes.at(segments)
        method = scope["method"]
        operation = operations.get("GET" if method == "HEAD" else method)
        if operation is None:
            await _unmatched(operations, method, scope["path"])(scope, receive, send)
            return None, True
        caller, refusal = await self._admit(scope, operation)
        if refusal is not None:
            await refusal(scope, receive, send)
            return operation, True
        await self._hand_on(operation, caller or _NOBODY, "/" + "/".join(segments), scope, receive, send)
        return operation, False

    async def _hand_on(self, operation: Operation, caller: Caller, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        admission = self._admission
        seconds = admission.settings.request_deadline_seconds
        word = Word(admission.issuer.token_for(caller.name, caller.scope), seconds)
        with tracing(Trace(current_trace().trace_id, caller.name)) as trace:
            request = Forwarded(operation, forwarded_scope(scope, operation, path, trace, word), scope["method"] == "HEAD", seconds)
            await admission.forwarder.forward(request, receive, send, self._own if operation.upstream == OWN else None)

    async def _admit(self, scope: Scope, operation: Operation) -> tuple[Caller | None, ASGIApp | None]:
        """The caller, or why not."""
        admission = self._admission
        caller: Caller | None = None
        if operation.scopes and not self._may_scrape(scope, operation):
            key = _bearer(scope)
            try:
                caller = await admission.keys.caller_of(key) if key else None
            except KeysUnavailable:
                return None, refusals.keys_unavailable()
            if caller is None:
                return None, refusals.unauthorized(given=_header(scope, b"authorization") is not None)
            if not any(may(caller.scope, needed) for needed in operation.scopes):
                return None, refusals.forbidden(f"{operation.method} {operation.path}", caller, operation.scopes)
        declared = _header(scope, b"content-length")
        if declared is not None and declared.isdecimal() and int(declared[:20]) > operation.largest_body_bytes:
            return None, too_large(operation)
        if operation.scopes and len(admission.forwarder) >= admission.settings.requests_at_once:
            return None, refusals.too_many(admission.settings.requests_at_once)
        return caller, None

    def _may_scrape(self, scope: Scope, operation: Operation) -> bool:
        """Figures are read without a key from the machine itself and from the networks that the settings name."""
        if operation.path != "/metrics" or not scope.get("client"):
            return False
        try:
            address: IPv4Address | IPv6Address = ip_address(scope["client"][0])
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return address.is_loopback or any(address in network for network in self._admission.settings.metrics_allow)

    def _record(self, operation: Operation | None, status: int, seconds: float) -> None:
        """By template, never by path or by a method of the client's invention: labels must not grow without end."""
        method, path = (operation.method, operation.path) if operation else ("any", "unmatched")
        self._admission.metrics.requests.labels("entrance", method, path, str(status)).observe(seconds)


def _unmatched(operations: dict[str, Operation], method: str, path: str) -> ASGIApp:
    if not operations:
        return refusals.not_found(path)
    allowed = ", ".join(sorted({*operations, "OPTIONS", *(["HEAD"] if "GET" in operations else [])}))
    if method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": allowed})
    return refusals.method_not_allowed(method, path, allowed)


def _header(scope: Scope, name: bytes) -> str | None:
    """A header that stands once; None where it is missing, or stands more than once and so says nothing."""
    found = [value for key, value in scope["headers"] if key == name]
    return found[0].decode("latin-1") if len(found) == 1 else None


def _bearer(scope: Scope) -> str | None:
    scheme, _, key = (_header(scope, b"authorization") or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None
