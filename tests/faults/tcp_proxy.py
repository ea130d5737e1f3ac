"""A network between two processes that breaks as it is told: refuses, stalls, and cuts connections in the middle of an answer.

Must not be broken: what was cut is reset, never ended in good order, for that is how a cable, a firewall and a dead host look; and nothing
is added or altered on the way.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

_CHUNK_BYTES = 65_536
_RESET = struct.pack("ii", 1, 0)
"""Linger for no time: closing sends a reset and throws away what was not sent yet."""

Target = tuple[str, int] | Path
"""Host and port, or the path of a socket."""


@dataclass(eq=False)
class _Line:
    """One connection: both its ends."""

    ends: list[asyncio.StreamWriter] = field(default_factory=list)

    def cut(self) -> None:
        for end in self.ends:
            taken = end.get_extra_info("socket")
            if taken is not None and taken.family != socket.AF_UNIX and taken.fileno() >= 0:
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.transport.abort()


class TcpProxy:
    """Listens on a port of loopback and passes everything on to ``target``, both ways, until told otherwise."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._lines: set[_Line] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._refuses = False
        self._until_cut: int | None = None
        self._server: asyncio.Server | None = None
        self.port = 0
        self.cuts = 0
        """Connections that were cut or refused."""

    async def listen(self) -> None:
        """Begin; ``port`` is known afterwards and stays."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Reset every connection there is; new ones are carried."""
        self.cuts += len(self._lines)
        for line in list(self._lines):
            line.cut()

    def cut_after(self, answered_bytes: int) -> None:
        """Reset each connection, new ones too, in the answer: when so many bytes more came back over all of them. Again and again."""
        self._until_cut = answered_bytes
        self._each_cut = answered_bytes

    def refuse(self) -> None:
        """Reset what there is, and whatever is opened."""
        self._refuses = True
        self.cut()

    def stall(self) -> None:
        """Hold everything back: connections stay, and nothing arrives."""
        self._flows.clear()

    def resume(self) -> None:
        """Carry again as if nothing had been; what was held back arrives."""
        self._refuses, self._until_cut = False, None
        self._flows.set()

    async def close(self) -> None:
        self.cut()
        self._flows.set()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line([writer])
        self._lines.add(line)
        try:
            if self._refuses:
                self.cuts += 1
                return
            there_reader, there_writer = await self._open()
            line.ends.append(there_writer)
            ways = [self._pass(reader, there_writer), self._pass(there_reader, writer, line)]
            await asyncio.gather(*ways)
        except OSError:
            return  # either end is gone: so is the line
        finally:
            line.cut()
            self._lines.discard(line)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(str(self._target))
        return await asyncio.open_connection(*self._target)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers_of: _Line | None = None) -> None:
        while data := await reader.read(_CHUNK_BYTES):
            await self._flows.wait()
            if answers_of is not None and self._until_cut is not None:
                data, ends_here = self._last_bytes(data)
                if ends_here:
                    writer.write(data)
                    await writer.drain()
                    answers_of.cut()
                    return
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    def _last_bytes(self, data: bytes) -> tuple[bytes, bool]:
        """What of an answer still gets through, and whether the cut comes behind it."""
        assert self._until_cut is not None
        if len(data) <= self._until_cut:
            self._until_cut -= len(data)
            return data, False
        passed, self._until_cut = data[: self._until_cut], self._each_cut
        self.cuts += 1
        return passed, True


@asynccontextmanager
async def proxied(target: Target) -> AsyncIterator[TcpProxy]:
    """A proxy that listens, closed afterwards."""
    proxy = TcpProxy(target)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()
