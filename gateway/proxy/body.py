"""A request's body on its way through: whole where it is small, otherwise piece by piece as it comes.

Must not be broken: what is not held cannot be sent again, and says so.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

from starlette.types import Message, Receive, Scope

_LARGEST_KEPT_BYTES = 64 * 1024


class HungUp(Exception):
    """The client is gone before its request was whole."""


class Body:
    """The body of one request. ``hung_up`` is called when the client goes away while it is being passed on."""

    def __init__(self, scope: Scope, receive: Receive, hung_up: Callable[[], None]) -> None:
        length = dict(scope["headers"]).get(b"content-length", b"")
        self._small = length.isdigit() and int(length) <= _LARGEST_KEPT_BYTES
        self._receive = receive
        self._hung_up = hung_up
        self._first: Message = {}
        self._kept: bytes | None = None
        self._passed_on = False
        self.whole = asyncio.Event()
        """All of it was received."""

    @property
    def can_be_sent_again(self) -> bool:
        return not self._passed_on

    async def begin(self) -> None:
        """Receive a small body, or the first piece of another. Raises HungUp."""
        self._first = await self._next()
        if not self.whole.is_set() and not self._small:
            return
        kept = bytearray(self._first.get("body", b""))
        while not self.whole.is_set():
            kept += (await self._next()).get("body", b"")
        self._kept = bytes(kept)

    def content(self) -> bytes | AsyncIterator[bytes] | None:
        """What is to be sent: all of it, or what there is and what still comes; None where there is none."""
        return self._pieces() if self._kept is None else self._kept or None

    async def _next(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise HungUp
        if not message.get("more_body", False):
            self.whole.set()
        return message

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield self._first.get("body", b"")
        self._passed_on = True
        while not self.whole.is_set():
            try:
                message = await self._next()
            except HungUp:
                self._hung_up()  # ends the call, and this with it: an end of ours would look like the body's
                await asyncio.Event().wait()
            if piece := message.get("body", b""):
                yield piece
