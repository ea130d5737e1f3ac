"""Real receivers on loopback, one of each for all tests here, and the ways of telling them."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest

from services.alarms.clients import Channels, MailServer
from services.alarms.clients.names import Lookup
from services.alarms.domain.reach import Guard
from tests.receivers.broken import Behaviour, hang, slow_mail, slow_web
from tests.receivers.certificates import Authority
from tests.receivers.mailbox import Mailbox, mailbox
from tests.receivers.rsyslog import Rsyslog, rsyslog
from tests.receivers.waiting import own_folder
from tests.receivers.web import WebReceiver, web_receiver

NAME = "receiver.test"
"""Stands for 127.0.0.1 here, and for nothing anywhere else."""


def loopback(host: str) -> list[str]:
    """A lookup that knows one name."""
    if host != NAME:
        raise OSError(-2, "Name or service not known")
    return ["127.0.0.1"]


def patience(behaviour: Behaviour) -> float:
    """Seconds for an attempt: few where they must run out, many where something else must come first."""
    return 0.5 if behaviour in {hang, slow_mail, slow_web} else 10


class Opened(Protocol):
    """Channels for the length of a test; by default private targets are allowed and the tests' authority is trusted."""

    def __call__(
        self,
        *,
        allow_private: bool = True,
        mail: MailServer | None = None,
        timeout_seconds: float = 10,
        lookup: Lookup = loopback,
    ) -> AbstractAsyncContextManager[Channels]: ...


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with own_folder() as path:
        yield path


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder)


@pytest.fixture(scope="module")
def trusted(authority: Authority) -> ssl.SSLContext:
    return authority.trusting()


@pytest.fixture(scope="module")
def opened(trusted: ssl.SSLContext) -> Opened:
    @asynccontextmanager
    async def open_channels(
        *, allow_private: bool = True, mail: MailServer | None = None, timeout_seconds: float = 10, lookup: Lookup = loopback
    ) -> AsyncIterator[Channels]:
        channels = Channels(
            Guard(allow_private),
            mail,
            public_url="https://licensing.test/",
            host="ledger-1.test",
            timeout_seconds=timeout_seconds,
            webhook_tls=trusted,
            lookup=lookup,
        )
        try:
            yield channels
        finally:
            await channels.aclose()

    return open_channels


@pytest.fixture(scope="module")
async def syslog_server() -> AsyncIterator[Rsyslog]:
    async with rsyslog() as server:
        yield server


@pytest.fixture
async def mail_server(authority: Authority) -> AsyncIterator[Mailbox]:
    async with mailbox(authority.serving(NAME), login=True) as box:
        yield box


@pytest.fixture
async def web(authority: Authority) -> AsyncIterator[WebReceiver]:
    async with web_receiver(authority.serving(NAME)) as receiver:
        yield receiver
