"""One datagram to one address. Nobody confirms UDP: only a machine that says at once that nobody listens is heard."""

import asyncio
import errno
import os
import socket
from collections.abc import Sequence

from services.alarms.clients.attempt import Attempt
from services.alarms.domain.reach import Address
from services.alarms.domain.targets import authority


async def send_datagram(data: bytes, addresses: Sequence[Address], port: int, now: Attempt) -> str:
    """To the first of the addresses that this machine has a way to. Raises the last one's OSError."""
    fault: OSError | None = None
    for address in addresses:
        now.doing = f"sending to {authority(str(address), port)}"
        try:
            await _send(data, address, port)
        except OSError as error:
            fault = error
        else:
            return f"sent as UDP datagram, {len(data)} bytes; nobody confirms UDP"
    assert fault is not None, "an address at least"
    raise fault


async def _send(data: bytes, address: Address, port: int) -> None:
    with socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        datagram.setblocking(False)
        datagram.connect((str(address), port))
        await asyncio.get_running_loop().sock_sendall(datagram, data)
        # On this machine the refusal is there already; from further away it comes when the socket is long closed.
        if refusal := datagram.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise (
                ConnectionRefusedError(refusal, os.strerror(refusal))
                if refusal == errno.ECONNREFUSED
                else OSError(refusal, os.strerror(refusal))
            )
