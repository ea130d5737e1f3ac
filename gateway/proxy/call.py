"""One request on its way to an address and its answer on the way back; to another address where that cannot do harm.

Must not be broken: a request is repeated only when nothing of it was sent (the connection could not be opened), or when its
method may be repeated, its body can be sent again and no answer has begun. So a POST reaches one address at most.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from urllib.parse import quote

import aiohttp
from multidict import CIMultiDict
from prometheus_client import Counter
from starlette.types import Receive, Scope, Send
from yarl import URL

from gateway.proxy.addresses import Address, Addresses
from gateway.proxy.body import Body, HungUp

_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_MOST_ATTEMPTS = 3
_LISTEN_AFTER_SECONDS = 0.05
"""Most answers are there before; listening for a client that hangs up costs a task."""

_NO_ANSWER = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""The connection could not be opened: nothing was sent."""

_ANOTHER_SERVICE = 421
"""Whoever answers is not the service that is meant, and did nothing: the address has a new owner."""

# The server before us has answered Expect; one date is enough, and that server gives it.
_NOT_ON = frozenset({b"host", b"expect"})
_NOT_ON_WITH_WHOLE_BODY = _NOT_ON | {b"content-length"}  # that of what is held is counted: a wrong one would eat the next request
_NOT_BACK = frozenset({b"date", b"server"})
_IN_A_TARGET = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "#")


class Unreachable(OSError):
    """No address could be reached, or none of the service that is meant; nothing was done."""


class Broken(Exception):
    """The connection broke after something had been sent, and before an answer."""


async def broken_off(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Middleware for the session: gives these errors a name by which the client does not repeat a request by itself."""
    try:
        return await handler(request)
    except _NO_ANSWER:
        raise
    except (aiohttp.ClientError, OSError) as error:
        raise Broken(type(error).__name__) from error


class Call:
    """A request, until it is answered."""

    def __init__(self, session: aiohttp.ClientSession, addresses: Addresses, repeated: Counter, connect_seconds: float) -> None:
        self._session = session
        self._addresses = addresses
        self._repeated = repeated
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds)
        self._until = asyncio.timeout(None)  # a time that comes when the client hangs up
        self._gone = False
        self._listening: asyncio.Task[None] | None = None

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have it answered. Raises Full, Unreachable, Broken, and what breaks off an answer that has begun."""
        body = Body(scope, receive, self._hang_up)
        try:
            async with self._until:
                await body.begin()
                listen = asyncio.get_running_loop().call_later(_LISTEN_AFTER_SECONDS, self._listen, body, receive)
                try:
                    await self._try(scope, body, send)
                finally:
                    listen.cancel()
        except HungUp:
            return
        except TimeoutError:
            if not self._gone:
                raise
        finally:
            if self._listening is not None:
                self._listening.cancel()

    def _hang_up(self) -> None:
        self._gone = True
        if not self._until.expired():
            self._until.reschedule(asyncio.get_running_loop().time())

    def _listen(self, body: Body, receive: Receive) -> None:
        async def until_gone() -> None:
            await body.whole.wait()
            while (await receive())["type"] != "http.disconnect":
                pass
            self._hang_up()

        self._listening = asyncio.create_task(until_gone())

    async def _try(self, scope: Scope, body: Body, send: Send) -> None:
        tried: list[Address] = []
        failure: Exception = Unreachable("no address is known")
        while len(tried) < _MOST_ATTEMPTS and (address := await self._addresses.take(tried)) is not None:
            if tried:
                self._repeated.inc()
            tried.append(address)
            try:
                answer = await self._ask(address, scope, body)
            except _NO_ANSWER as error:
                self._addresses.failed(address, type(error).__name__)
                failure = Unreachable(type(error).__name__)
                failure.__cause__ = error
            except Broken as error:
                if scope["method"] not in _REPEATABLE or not body.can_be_sent_again:
                    raise
                failure = error
            else:
                if answer.status != _ANOTHER_SERVICE:
                    await _pass_back(answer, send)
                    return
                answer.close()
                self._addresses.failed(address, "another service")
                failure = Unreachable("another service answers there")
                if not body.can_be_sent_again:
                    raise failure
            finally:
                self._addresses.leave(address)
        raise failure

    async def _ask(self, address: Address, scope: Scope, body: Body) -> aiohttp.ClientResponse:
        headers = CIMultiDict(_text(scope["headers"], _NOT_ON_WITH_WHOLE_BODY if body.whole.is_set() else _NOT_ON))
        headers["host"] = dict(scope["headers"]).get(b"host", address.authority.encode()).decode("latin-1")
        target = quote(scope.get("raw_path") or scope["path"].encode(), safe=_IN_A_TARGET)
        if scope["query_string"]:
            target += "?" + quote(scope["query_string"], safe=_IN_A_TARGET)
        return await self._session.request(
            scope["method"],
            URL(address.origin + target, encoded=True),
            headers=headers,
            data=body.content(),
            allow_redirects=False,
            timeout=self._timeout,
        )


def _text(headers: Iterable[tuple[bytes, bytes]], dropped: frozenset[bytes]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), _value(value)) for name, value in headers if name not in dropped]


def _value(value: bytes) -> str:
    try:
        return value.decode()  # the client writes UTF-8: what is that leaves as it came
    except UnicodeDecodeError:
        return value.decode("latin-1")


async def _pass_back(answer: aiohttp.ClientResponse, send: Send) -> None:
    with contextlib.closing(answer):  # of one that was read to its end, the connection is kept
        headers = [(low, value) for name, value in answer.raw_headers if (low := name.lower()) not in _NOT_BACK]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        more = True
        while more:
            piece = await answer.content.readany()
            more = not answer.content.at_eof()
            await send({"type": "http.response.body", "body": piece, "more_body": more})
