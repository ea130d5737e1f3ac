"""Addresses of names: one question for each name at once, and a name server that does not answer holds nobody but those who ask for it."""

import asyncio
import errno
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import pytest

from services.alarms.clients.attempt import attempt, connect, explain
from services.alarms.clients.names import MOST_NAMES_AT_ONCE, Names, look_up
from services.alarms.domain.receipt import DeliveryFailed
from tests.receivers.broken import broken, hang

HERE = [ip_address("127.0.0.1")]


class Server:
    """A lookup that answers when it may."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.asked: list[str] = []

    def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        if host.startswith("slow"):
            assert self.may.wait(60)
        if host == "unknown.test":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if host == "odd.test":
            raise UnicodeError("label too long")
        return [] if host == "empty.test" else ["127.0.0.1"]


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.may.set()


async def test_an_address_stands_for_itself(server: Server) -> None:
    assert await Names(server).addresses("::1") == [ip_address("::1")]
    assert not server.asked


async def test_this_machine_is_known() -> None:
    assert set(await Names().addresses("localhost")) <= {ip_address("127.0.0.1"), ip_address("::1")}
    assert look_up("127.0.0.1") == ["127.0.0.1"]


async def test_a_name_server_that_hangs_holds_nobody_else_and_is_asked_once_for_each_name(server: Server) -> None:
    names = Names(server)
    waiting = [asyncio.create_task(names.addresses(f"slow-{number % 40}.test")) for number in range(400)]
    assert await names.addresses("other.test") == HERE
    assert not any(task.done() for task in waiting)
    server.may.set()
    assert await asyncio.gather(*waiting) == [HERE] * 400
    assert sorted(server.asked) == sorted([f"slow-{number}.test" for number in range(40)] + ["other.test"])


async def test_there_is_an_end_to_the_questions(server: Server) -> None:
    names = Names(server)
    waiting = [asyncio.create_task(names.addresses(f"slow-{number}.test")) for number in range(MOST_NAMES_AT_ONCE)]
    await asyncio.sleep(0)
    with pytest.raises(DeliveryFailed, match="64 names are being resolved and none is answered"):
        await names.addresses("one-more.test")
    server.may.set()
    await asyncio.gather(*waiting)
    assert await names.addresses("one-more.test") == HERE


async def test_who_gives_up_takes_the_answer_from_nobody(server: Server) -> None:
    names = Names(server)
    patient, hasty = (asyncio.create_task(names.addresses("slow.test")) for _ in range(2))
    await asyncio.sleep(0)
    hasty.cancel()
    server.may.set()
    assert await patient == HERE
    with pytest.raises(asyncio.CancelledError):
        await hasty


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("unknown.test", r"the name unknown\.test cannot be resolved: Name or service not known"),
        ("odd.test", r"the name odd\.test cannot be resolved: label too long"),
        ("empty.test", r"the name empty\.test has no address"),
    ],
)
async def test_a_name_without_an_address(server: Server, host: str, why: str) -> None:
    with pytest.raises(DeliveryFailed, match=why):
        await Names(server).addresses(host)


def refused(code: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "long words")
    error.verify_message = code
    return error


def tls_fault(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, "long words")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refused("certificate has expired"), "its certificate is not accepted: certificate has expired"),
        (tls_fault("WRONG_VERSION_NUMBER"), "TLS failed: wrong version number"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "connection refused, nobody listens there"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "connection reset by the receiver"),
        (BrokenPipeError(errno.EPIPE, "x"), "connection reset by the receiver"),
        (OSError(errno.ENOTCONN, "x"), "connection reset by the receiver"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "No route to host"),
        (OSError("words"), "words"),
        (OSError(), "OSError"),
        (ValueError("words"), "words"),
    ],
)
def test_a_fault_is_said_in_words(error: Exception, words: str) -> None:
    assert explain(error) == words


async def test_a_fault_is_told_with_what_was_being_done() -> None:
    async def failing(error: Exception | None) -> None:
        async with attempt(60 if error else 0.01, "looking") as now:
            now.doing = "reading"
            if error:
                raise error
            await asyncio.Event().wait()

    for error, words in (
        (None, "reading: no end within 0.01 s"),
        (OSError("words"), "reading: words"),
        (TimeoutError(), "reading: timed out"),
        (TimeoutError("the library's words"), "reading: the library's words"),
    ):
        with pytest.raises(DeliveryFailed) as failed:
            await failing(error)
        assert failed.value.answer == words


@contextmanager
def full(host: str, port: int) -> Iterator[None]:
    """An address that lets nobody in any more: what is one too many is not even refused."""
    with socket.socket() as listening:
        listening.bind((host, port))
        listening.listen(0)
        crowd = [socket.socket() for _ in range(4)]
        for each in crowd:
            each.setblocking(False)
            each.connect_ex((host, port))
        yield
        for each in crowd:
            each.close()


async def test_an_address_that_does_not_answer_leaves_time_for_the_next() -> None:
    addresses = [ip_address("127.0.0.2"), ip_address("127.0.0.1")]
    async with broken(hang) as port:
        with full("127.0.0.2", port):
            async with attempt(2, "connecting") as now:
                stream = await connect(addresses, port, now)
            assert stream.getpeername() == ("127.0.0.1", port)
            stream.close()
        async with attempt(2, "connecting") as now:
            stream = await connect([ip_address("127.0.0.3"), *addresses], port, now)
        stream.close()
