"""Debian's rsyslogd: UDP, TCP with octet counting and TLS at once, each line as it understood it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import SOCK_DGRAM
from subprocess import Popen
from typing import Any

from tests.debian import NotInstalled, install, installed_part, missing
from tests.receivers.certificates import Authority
from tests.receivers.waiting import accepts, beside, free_port, own_folder, until

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
        text = self._written.read_text("utf-8") if self._written.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        return [line for line in map(json.loads, whole.splitlines()) if containing in line["raw"]]

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
        udp, tcp, tls = free_port(SOCK_DGRAM), free_port(), free_port()
        configuration, log = folder / "rsyslog.conf", folder / "log"
        configuration.write_text(_configured(folder, authority, udp, tcp, tls), "utf-8")
        command = [str(program), "-n", "-f", str(configuration), "-i", str(folder / "pid")]
        async with beside(command, log) as process:
            await accepts(tcp, process, log)
            await accepts(tls, process, log)
            yield Rsyslog(
                f"udp://127.0.0.1:{udp}", f"tcp://127.0.0.1:{tcp}", f"tls://{TLS_NAME}:{tls}", authority, process, folder / "lines"
            )


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
