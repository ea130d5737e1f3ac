"""Debian's rsyslogd: UDP, TCP with octet counting and TLS at once, each line as it understood it."""

import json
import socket
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
        written = self._written.read_bytes() if self._written.exists() else b""
        whole = written[: written.rfind(b"\n") + 1].decode()  # the server may be in the middle of a line, and of a letter
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
        authority, udp = Authority(folder), free_port(socket.SOCK_DGRAM)
        configuration, log = folder / "rsyslog.conf", folder / "log"
        configuration.write_text(_configured(folder, authority, udp), "utf-8")
        command = [str(program), "-n", "-f", str(configuration), "-i", str(folder / "pid")]
        async with beside(command, log) as process:
            # The server chooses its ports itself: one that was free a moment ago is somebody's connection now.
            tcp = await until(lambda: _port(folder / "tcp.port", process), log.read_text)
            tls = await until(lambda: _port(folder / "tls.port", process), log.read_text)
            targets = f"udp://127.0.0.1:{udp}", f"tcp://127.0.0.1:{tcp}", f"tls://{TLS_NAME}:{tls}"
            server = Rsyslog(*targets, authority, process, folder / "lines")
            await until(lambda: _takes_datagrams(server, udp), server.log)
            yield server


def _port(file: Path, process: "Popen[bytes]") -> int:
    """What the server wrote down when it began to listen; 0 before."""
    assert process.poll() is None, "rsyslogd ended"
    return int(file.read_text("ascii") or 0) if file.exists() else 0


def _takes_datagrams(server: Rsyslog, port: int) -> bool:
    """Whether one that was sent has been written down; a server that does not listen yet loses it."""
    with socket.socket(type=socket.SOCK_DGRAM) as datagram:
        datagram.sendto(b"<46>1 - - tests - - - ready?", ("127.0.0.1", port))
    return bool(server.lines("ready?"))


def _configured(folder: Path, authority: Authority, udp: int) -> str:
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
            f'input(type="imtcp" {here} port="0" listenportfilename="{folder / "tcp.port"}" name="tcp")',
            f'input(type="imtcp" {here} port="0" listenportfilename="{folder / "tls.port"}" name="tls" {secured})',
            "",
        ]
    )
