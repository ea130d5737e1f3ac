"""One attempt to tell somebody: bounded in time as a whole, and every way it can fail said in words that a person can act on."""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from services.alarms.domain.reach import Address
from services.alarms.domain.receipt import DeliveryFailed
from services.alarms.domain.targets import authority

DEFAULT_TIMEOUT_SECONDS = 10.0


class Attempt:
    """``doing``: what the attempt is about just now; a fault is told together with it. ``seconds``: all that it has."""

    def __init__(self, seconds: float, doing: str) -> None:
        self.seconds = seconds
        self.doing = doing


@asynccontextmanager
async def attempt(seconds: float, doing: str) -> AsyncIterator[Attempt]:
    """At most so many seconds for all that stands within. Raises DeliveryFailed instead of timeouts and what networks raise."""
    now = Attempt(seconds, doing)
    try:
        async with asyncio.timeout(seconds) as limit:
            yield now
    except TimeoutError as error:
        why = f"no end within {seconds:g} s" if limit.expired() else str(error) or "timed out"
        raise DeliveryFailed(f"{now.doing}: {why}") from error
    except OSError as error:
        raise DeliveryFailed(f"{now.doing}: {explain(error)}") from error


def explain(error: BaseException) -> str:
    """The reason, without the library's way of putting it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or str(error)).replace('_', ' ').lower()}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused, nobody listens there"
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError) or _not_connected(error):
        return "connection reset by the receiver"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return str(error) or type(error).__name__


def _not_connected(error: BaseException) -> bool:
    """How a reset shows to who writes next."""
    return isinstance(error, OSError) and error.errno == errno.ENOTCONN


def hang_up(stream: socket.socket) -> None:
    """End a connection that a transport has taken over: at once, politeness could wait for the other side. The transport closes it."""
    with suppress(OSError):
        stream.shutdown(socket.SHUT_RDWR)


async def connect(addresses: Sequence[Address], port: int, now: Attempt) -> socket.socket:
    """A connected stream to the first of the addresses that accepts one. Raises the last one's OSError.

    An address that does not answer gets its share of the time only, so that the next is tried as well.
    """
    last: OSError | None = None
    for number, address in enumerate(addresses, 1):
        now.doing = f"connecting to {authority(str(address), port)}"
        stream = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
        stream.setblocking(False)
        try:
            async with asyncio.timeout(now.seconds / len(addresses) if number < len(addresses) else None):
                await asyncio.get_running_loop().sock_connect(stream, (str(address), port))
        except OSError as error:
            stream.close()
            last = error
        except BaseException:
            stream.close()
            raise
        else:
            return stream
    assert last is not None, "an address at least"
    raise last
