"""The database of a running instance, from behind its back: looked at, crashed, started again."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from shared.kit.postgres.account import database_account
from shared.kit.postgres.postmaster import running_postmaster
from shared.kit.postgres.server import ROLE, Server
from tests.system.instance import Place

SERVICES = ("registration", "ledger", "calculator", "licensefile", "alarms")


async def ask(place: Place, statement: str, *values: Any) -> list[Any]:
    """Run a statement as the owner of everything; its rows."""
    password = (place.data / "secrets" / "database-password").read_text()
    where = {"host": str(place.data / "socket"), "port": 5432, "database": "licensing"}
    connection = await asyncpg.connect(**where, user=ROLE, password=password)
    try:
        return list(await connection.fetch(statement, *values))
    finally:
        await connection.close()


async def waiting_events(place: Place) -> list[str]:
    """The types of the events that are committed and not handed over for good."""
    return [row[0] for service in SERVICES for row in await ask(place, f"SELECT envelope->>'type' FROM {service}.outbox ORDER BY sequence")]


async def dead_letters(place: Place) -> int:
    """How many events were put aside as not to be handled."""
    return sum([(await ask(place, f"SELECT count(*) FROM {service}.dead_letter"))[0][0] for service in SERVICES])


def server_of(place: Place) -> Server:
    """The running server of a place; it can be stopped and started behind the instance's back."""
    pgdata = place.data / "pgdata"
    pid = running_postmaster(pgdata)
    assert pid is not None
    program = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
    return Server(Path(program).parent, database_account(), pgdata, place.data / "socket", place.data / "log" / "postgres.log")


@contextmanager
def frozen(place: Place) -> Iterator[None]:
    """A server that neither answers nor goes away, as behind a broken network: it and all its sessions stand still."""
    pid = running_postmaster(place.data / "pgdata")
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)  # first: it starts no more sessions
    sessions = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    try:
        for session in sessions:
            os.kill(session, signal.SIGSTOP)
        yield
    finally:
        for stopped in (*sessions, pid):
            os.kill(stopped, signal.SIGCONT)
