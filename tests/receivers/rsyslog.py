"""Debian's rsyslogd: UDP, TCP with octet counting and TLS at once, each line as it understood it."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

from tests.debian import NotInstalled, install, installed_part, missing
from tests.receivers.certificates import Authority
from tests.receivers.waiting import beside, free_port, own_folder, until

Line = dict[str, Any]
TLS_NAME = "localhost"
_TRIES = 600

_TEMPLATE = (
    '{\\"by\\":\\"%inputname%\\",\\"pri\\":%pri%,\\"host\\":\\"%hostname:::json%\\",\\"app\\":\\"%app-name:::json%\\",'
    '\\"msgid\\":\\"%msgid:::json%\\",\\"data\\":\\"%structured-data:::json%\\",\\"msg\\":\\"%msg:::json%\\",'
    '\\"raw\\":\\"%rawmsg:::json%\\"}\\n'
)


@dataclass(frozen=True)
class Rsyslog:
    """``udp``, ``tcp``, ``tls``: targets. TLS is for ``localhost``, signed by ``authority``."""

    udp: str
    tcp: str
    tls: str
    authority: Authority
    process: "Popen[bytes]"
    _written: Path

    def lines(self, containing: str = "") -> list[Line]:
        """What has come so far."""
        text = self._written.read_text("utf-8") if self._written.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        return [line for line in map(json.loads, whole.splitlines()) if containing in line["raw"]]

    def log(self) -> str:
        """What the server has to say about itself."""
        return (self._written.parent / "log").read_text("utf-8", "replace")

    async def line(self, containing: str) -> Line:
        """The line with this text, when it has come."""
        return (await until(lambda: self.lines(containing), self.lines))[0]


@asynccontextmanager
async def rsyslog() -> AsyncIterator[Rsyslog]:
    """A syslog server of a test's own; installed where it is missing and may be."""
    try:
        program = install("rsyslog", "rsyslogd")
        installed_part("rsyslog-openssl", "usr/lib/*/rsyslog/lmnsd_ossl.so")
    except NotInstalled as reason:
        missing(reason)
    with own_folder() as folder:
        authority = Authority(folder)
        udp, tcp, tls = free_port(socket.SOCK_DGRAM), free_port(), free_port()
        configuration, log = folder / "rsyslog.conf", folder / "log"
        configuration.write_text(_configured(folder, authority, udp, tcp, tls), "utf-8")
        command = [str(program), "-n", "-f", str(configuration), "-i", str(folder / "pid")]
        async with beside(command, log) as process:
            targets = f"udp://127.0.0.1:{udp}", f"tcp://127.0.0.1:{tcp}", f"tls://{TLS_NAME}:{tls}"
            server = Rsyslog(*targets, authority, process, folder / "lines")
            await _takes_lines(server, tcp, None, "tcp")
            await _takes_lines(server, tls, authority.trusting(), "tls")
            yield server


async def _takes_lines(server: Rsyslog, port: int, context: ssl.SSLContext | None, name: str) -> None:
    """Until a line that was sent there has been written down.

    That somebody accepts a connection is not enough: while nobody listens, whoever tries a port of his own machine can meet himself.
    """
    said = f"<46>1 - - tests - - - ready for {name}".encode()
    for _ in range(_TRIES):
        if await asyncio.to_thread(_tried, port, context, b"%d %s" % (len(said), said)):
            await until(lambda: server.lines(said.decode()), server.log)
            return
        assert server.process.poll() is None, server.log()
        await asyncio.sleep(0.05)
    raise AssertionError(f"rsyslogd does not listen on {port}: {server.log()}")


def _tried(port: int, context: ssl.SSLContext | None, said: bytes) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
            if raw.getsockname() == raw.getpeername():
                return False
            stream = context.wrap_socket(raw, server_hostname=TLS_NAME) if context else raw
            stream.sendall(said)
            stream.close()
    except OSError:
        return False
    return True


def _configured(folder: Path, authority: Authority, udp: int, tcp: int, tls: int) -> str:
    certificate, key = authority.issue(TLS_NAME)
    here = 'address="127.0.0.1" ruleset="all"'
    secured = (
        'streamdriver.name="ossl" streamdriver.mode="1" streamdriver.authmode="anon" '
        f'streamdriver.cafile="{authority.file}" streamdriver.certfile="{certificate}" streamdriver.keyfile="{key}"'
    )
    return "\n".join(
        [
            f'global(workDirectory="{folder}" maxMessageSize="32k")',
            'module(load="imudp")',
            'module(load="imtcp")',
            f'template(name="line" type="string" string="{_TEMPLATE}")',
            f'ruleset(name="all") {{ action(type="omfile" file="{folder / "lines"}" template="line") }}',
            f'input(type="imudp" {here} port="{udp}" name="udp")',
            f'input(type="imtcp" {here} port="{tcp}" name="tcp")',
            f'input(type="imtcp" {here} port="{tls}" name="tls" {secured})',
            "",
        ]
    )
