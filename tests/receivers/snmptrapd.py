"""Debian's snmptrapd: v2c by community, v3 by user with authentication and encryption."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import SOCK_DGRAM
from subprocess import Popen

from tests.debian import NotInstalled, install, missing
from tests.receivers.waiting import beside, free_port, own_folder, until

COMMUNITY = "receivers-of-tests"
_BINDING = re.compile(r"\.?([\d.]+) = (?:([A-Za-z0-9-]+): )?(.*)")


@dataclass(frozen=True)
class User:
    """``auth``: snmptrapd's word, SHA or SHA-256. ``engine_id``: the sender's, in hex."""

    name: str
    engine_id: str
    auth: str
    auth_key: str
    priv_key: str


@dataclass(frozen=True)
class Trap:
    """``bindings``: value by numeric name, as snmptrapd prints it."""

    security: str
    bindings: dict[str, str] = field(default_factory=dict)

    def column(self, number: int) -> str:
        """Of clogHistoryEntry, whatever the row."""
        prefix = f"1.3.6.1.4.1.9.9.41.1.2.3.1.{number}."
        return next(value for name, value in self.bindings.items() if name.startswith(prefix))


@dataclass(frozen=True)
class SnmpTrapd:
    target: str
    process: "Popen[bytes]"
    _log: Path

    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def traps(self, containing: str = "") -> list[Trap]:
        """What has come and was believed, so far."""
        whole = self.log().rpartition("END\n")[0]
        pieces = [piece.partition("TRAP|")[2] for piece in whole.split("END\n") if "TRAP|" in piece]
        return [_read(piece) for piece in pieces if containing in piece]

    async def trap(self, containing: str) -> Trap:
        """The trap with this text, when it has come."""
        return (await until(lambda: self.traps(containing), self.log))[0]


@asynccontextmanager
async def snmptrapd(users: Sequence[User] = ()) -> AsyncIterator[SnmpTrapd]:
    """An SNMP manager of a test's own; installed where it is missing and may be."""
    try:
        program = install("snmptrapd", "snmptrapd")
    except NotInstalled as reason:
        missing(reason)
    with own_folder() as folder:
        configuration, log, port = folder / "snmptrapd.conf", folder / "log", free_port(SOCK_DGRAM)
        created = [f'createUser -e 0x{user.engine_id} {user.name} {user.auth} "{user.auth_key}" AES "{user.priv_key}"' for user in users]
        allowed = [f"authUser log {user.name} authPriv" for user in users]
        layout = [f"format{version} TRAP|%P\\n%V\\n%v\\nEND\\n" for version in (1, 2)]
        configuration.write_text("\n".join([f"authCommunity log {COMMUNITY}", *layout, *created, *allowed, ""]), "utf-8")
        command = [str(program), "-f", "-C", "-c", str(configuration), "-Lo", "-On", "-OQ", "-Oe", "-m", "", f"udp:127.0.0.1:{port}"]
        async with beside(command, log, {"SNMP_PERSISTENT_DIR": str(folder), "MIBS": "", "SNMPCONFPATH": str(folder)}) as process:
            server = SnmpTrapd(f"snmp://127.0.0.1:{port}", process, log)
            await until(lambda: "NET-SNMP version" in server.log() or process.poll() is not None, server.log)
            assert process.poll() is None, server.log()
            yield server


def _read(piece: str) -> Trap:
    security, *lines = piece.splitlines()
    found = [_BINDING.fullmatch(line.strip()) for line in lines if " = " in line]
    return Trap(security, {each[1]: each[3].strip('"') for each in found if each})
