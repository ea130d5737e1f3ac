"""Asking another service: httpx with a deadline, the trace and the caller passed on, and one exception when it did not answer."""

import asyncio
from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from shared.kit.problems import UpstreamUnavailable
from shared.kit.trace import CALLER_HEADER, caller_in_header, current_trace

Answer = TypeVar("Answer", bound=BaseModel)


class ServiceClient:
    """Asks one other service. ``transport`` is the network, or the service's application itself in the same process."""

    def __init__(
        self, upstream: str, base_url: str, transport: httpx.AsyncBaseTransport | None = None, deadline_seconds: float = 5.0
    ) -> None:
        self._upstream = upstream
        self._deadline_seconds = deadline_seconds
        self._http = httpx.AsyncClient(base_url=base_url, transport=transport, timeout=deadline_seconds, follow_redirects=False)

    async def get(self, path: Sequence[str], kind: type[Answer], *, params: dict[str, str] | None = None) -> Answer | None:
        """GET the path of these segments as ``kind``; None where there is none (404). Raises UpstreamUnavailable."""
        trace = current_trace()
        headers = {"traceparent": trace.traceparent, CALLER_HEADER: caller_in_header(trace.caller)}
        address = "/" + "/".join(quote(segment, safe="") for segment in path)
        try:
            # httpx's time-outs are for each step of its own network, and mean nothing to a transport without one.
            async with asyncio.timeout(self._deadline_seconds):
                answer = await self._http.get(address, params=params, headers=headers)
        except TimeoutError as error:
            raise UpstreamUnavailable(self._upstream, f"no answer within {self._deadline_seconds:g} s") from error
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

    async def close(self) -> None:
        await self._http.aclose()
