"""Asking another service: httpx with a deadline, the trace and the gateway's word for the caller passed on, and one exception
when it did not answer."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from shared.kit.deadline import DEADLINE_HEADER, deadline_in_header, seconds_left
from shared.kit.identity import IDENTITY_HEADER, SERVICE_HEADER, current_identity
from shared.kit.problems import UpstreamUnavailable
from shared.kit.trace import CALLER_HEADER, current_trace

Answer = TypeVar("Answer", bound=BaseModel)
_CONNECT_SECONDS = 1.0
_POOL = httpx.Limits(max_connections=64, max_keepalive_connections=32, keepalive_expiry=30)
_BROKEN = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
"""What another address may do better; a question can be asked twice."""


class ServiceClient:
    """Asks one other service. ``transport`` is the network, or the service's application itself in the same process.

    ``base_url``: where it is, several addresses with commas between. The one that answered last is asked first.
    """

    def __init__(
        self, upstream: str, base_url: str, transport: httpx.AsyncBaseTransport | None = None, deadline_seconds: float = 5.0
    ) -> None:
        self._upstream = upstream
        self._deadline_seconds = deadline_seconds
        self._addresses = [address.strip().rstrip("/") for address in base_url.split(",") if address.strip()]
        timeout = httpx.Timeout(deadline_seconds, connect=min(_CONNECT_SECONDS, deadline_seconds))
        self._http = httpx.AsyncClient(transport=transport, timeout=timeout, limits=_POOL, follow_redirects=False)

    async def get(self, path: Sequence[str], kind: type[Answer], *, params: dict[str, str] | None = None) -> Answer | None:
        """GET the path of these segments as ``kind``; None where there is none (404). Raises UpstreamUnavailable."""
        target = "/" + "/".join(quote(segment, safe="") for segment in path)
        left = seconds_left()
        seconds = self._deadline_seconds if left is None else min(self._deadline_seconds, left)
        try:
            # httpx's time-outs are for each step of its own network, and mean nothing to a transport without one.
            async with asyncio.timeout(seconds):
                answer = await self._first_answer(target, params, seconds)
        except TimeoutError as error:
            raise UpstreamUnavailable(self._upstream, f"no answer within {seconds:.3g} s") from error
        except httpx.HTTPError as error:
            raise UpstreamUnavailable(self._upstream, type(error).__name__) from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.status_code != httpx.codes.OK:
            raise UpstreamUnavailable(self._upstream, f"status {answer.status_code}")
        try:
            return kind.model_validate_json(answer.content)
        except ValidationError as error:
            raise UpstreamUnavailable(self._upstream, "an answer that cannot be read") from error

    async def _first_answer(self, target: str, params: dict[str, str] | None, seconds: float) -> httpx.Response:
        """Of the address that answered last, or of the next ones; at least twice, because a kept connection may be closed by now."""
        headers = _headers(self._upstream, seconds)
        for _ in range(max(2, len(self._addresses)) - 1):
            with contextlib.suppress(*_BROKEN):
                return await self._ask(self._addresses[0], target, params, headers)
        return await self._ask(self._addresses[0], target, params, headers)

    async def _ask(self, address: str, target: str, params: dict[str, str] | None, headers: dict[bytes, bytes]) -> httpx.Response:
        try:
            return await self._http.get(address + target, params=params, headers=headers)
        except BaseException:  # the end of our patience too: one that is frozen must not be the first for ever
            if self._addresses[0] == address:
                self._addresses.append(self._addresses.pop(0))
            raise

    async def close(self) -> None:
        await self._http.aclose()


def _headers(upstream: str, seconds: float) -> dict[bytes, bytes]:
    trace, identity = current_trace(), current_identity()
    who = (CALLER_HEADER, trace.caller) if identity is None else (IDENTITY_HEADER, identity.token)
    deadline = deadline_in_header(seconds)
    listed = {"traceparent": trace.traceparent, DEADLINE_HEADER: deadline, SERVICE_HEADER: upstream, who[0]: who[1]}
    return {name.encode(): value.encode() for name, value in listed.items()}
