"""Whether a service is there: any of its addresses that answers /livez is enough. What a service that lives lacks, it says itself."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence

import httpx

from services.alarms.clients.names import Names
from services.alarms.domain.receipt import DeliveryFailed

_CONNECT_SECONDS = 1.0
_ANSWER_SECONDS = 2.5


class Liveness:
    """Asks services whether they live. Nothing is kept open: a kept connection would show one replica again and again."""

    def __init__(self) -> None:
        self._names = Names()
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=0)
        timeout = httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS)
        self._http = httpx.AsyncClient(timeout=timeout, limits=limits, follow_redirects=False, trust_env=False)

    async def check(self, addresses: Sequence[str]) -> str | None:
        """None as soon as one answers, else what each of them did instead."""
        return await _first(self._look_at(address) for address in addresses)

    async def _look_at(self, address: str) -> str | None:
        """A name may stand for several replicas, of which one may accept and never answer: each is asked."""
        url = httpx.URL(address)
        try:
            found = await self._names.addresses(url.host)
        except DeliveryFailed as error:
            return f"{address}: {error}"
        return await _first(self._ask(address, url.copy_with(host=str(one))) for one in found)

    async def _ask(self, address: str, url: httpx.URL) -> str | None:
        try:
            answer = await self._http.get(url.join("/livez"), headers={"Host": httpx.URL(address).netloc.decode()})
        except httpx.HTTPError as error:
            return f"{address}: {type(error).__name__}"
        return None if answer.status_code == httpx.codes.OK else f"{address}: status {answer.status_code}"

    async def close(self) -> None:
        await self._http.aclose()


async def _first(looks: Iterable[Coroutine[None, None, str | None]]) -> str | None:
    """None as soon as one look finds somebody, else what they found instead, each once."""
    tasks = [asyncio.create_task(look, name="look at a service") for look in looks]
    findings = set()
    try:
        for ended in asyncio.as_completed(tasks):
            finding = await ended
            if finding is None:
                return None
            findings.add(finding)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return ", ".join(sorted(findings))
