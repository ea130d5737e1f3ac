"""Addresses of a name, asked in a thread of its own for each name.

The event loop's usual way to ask has a handful of threads for everybody: a name server that does not answer would hold them all, and
every destination would wait for the broken one. Here it holds the one thread of its name, however often the name is asked for.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from services.alarms.domain.reach import Address
from services.alarms.domain.receipt import DeliveryFailed

MOST_NAMES_AT_ONCE = 64

Lookup = Callable[[str], Sequence[str]]
"""Blocks; raises OSError. The order is that of preference."""


def look_up(host: str) -> list[str]:
    """As the machine is set up to: hosts file, name servers."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Names:
    """``await names.addresses(host)``; an address stands for itself."""

    def __init__(self, lookup: Lookup = look_up) -> None:
        self._lookup = lookup
        self._asked: dict[str, asyncio.Future[list[Address]]] = {}

    async def addresses(self, host: str) -> list[Address]:
        """At least one, best first. Raises DeliveryFailed. Who gives up waiting leaves the question to those who ask after him."""
        with contextlib.suppress(ValueError):
            return [ip_address(host)]
        asked = self._asked.get(host) or self._ask(host)
        try:
            found = await asyncio.shield(asked)
        except OSError as error:
            raise DeliveryFailed(f"the name {host} cannot be resolved: {error.strerror or error}") from error
        if not found:
            raise DeliveryFailed(f"the name {host} has no address")
        return found

    def _ask(self, host: str) -> "asyncio.Future[list[Address]]":
        if len(self._asked) >= MOST_NAMES_AT_ONCE:
            raise DeliveryFailed(
                f"{MOST_NAMES_AT_ONCE} names are being resolved and none is answered: see to the name servers of this machine"
            )
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Address]] = loop.create_future()
        self._asked[host] = future
        future.add_done_callback(lambda done: self._answered(host, done))
        threading.Thread(target=self._find, args=(host, loop, future), name=f"name {host}", daemon=True).start()
        return future

    def _answered(self, host: str, done: "asyncio.Future[list[Address]]") -> None:
        del self._asked[host]
        if not done.cancelled():
            done.exception()  # known to be had, also where nobody waits any longer

    def _find(self, host: str, loop: asyncio.AbstractEventLoop, future: "asyncio.Future[list[Address]]") -> None:
        result: list[Address] | Exception
        try:
            result = [ip_address(text) for text in self._lookup(host)]
        except UnicodeError as error:  # the library's word for a label that is no label
            result = OSError(str(error))
        except Exception as error:
            result = error
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(_settle, future, result)


def _settle(future: "asyncio.Future[list[Address]]", result: list[Address] | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
