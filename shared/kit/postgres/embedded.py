"""The embedded database for programs on an event loop: start it, ask for its URL, stop it.

    folder = DataFolder.open(settings.data_dir)
    postgres = await EmbeddedPostgres.start(folder)
    engine = create_async_engine(postgres.url())
    ...
    await postgres.stop()
    folder.close()

Must not be broken: a start or stop that was begun is finished even when its caller is cancelled, and whatever happens
between, no server is left behind that the next start on the same folder could not take over.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.kit.data_folder import SOCKET_FOLDER, DataFolder
from shared.kit.postgres.account import EmbeddedPostgresError, database_account
from shared.kit.postgres.binaries import COPIES, UNFINISHED, copy_name, installed_site, usable_bin_dir
from shared.kit.postgres.server import PORT, ROLE, Server, StopMode

DATABASE = "licensing"
_PASSWORD_NAME = "database-password"  # noqa: S105 - where it is kept, not what it is
_DATABASE_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")

Result = TypeVar("Result")


class EmbeddedPostgres:
    """A running PostgreSQL of our own, in an open data folder. It is bound to no event loop."""

    def __init__(self, server: Server, password: str) -> None:
        self._server = server
        self._password = password

    @classmethod
    async def start(cls, folder: DataFolder, *, durable: bool = True) -> EmbeddedPostgres:
        """Start the database of `folder`, made at the first start; the database `licensing` is there afterwards.

        `durable=False` is for data that is thrown away: a crash of the machine may lose it all.

        Raises EmbeddedPostgresError or DataFolderError, both saying what to do; nothing runs then.
        """
        postgres = await _finished(lambda: cls._prepared(folder, durable))
        await postgres.start_again()
        try:
            await postgres.create_database(DATABASE)
        except BaseException:
            await postgres.stop()
            raise
        return postgres

    async def start_again(self) -> None:
        """Start after a `stop`. One that still runs is stopped first. Raises EmbeddedPostgresError."""
        try:
            await _finished(self._server.start)
        except BaseException:
            await self.stop()
            raise

    async def stop(self, mode: StopMode = "fast") -> None:
        """Stop and wait until it is gone: `fast` ends the sessions and writes everything back, `immediate` crashes.

        Does nothing when it does not run. Raises EmbeddedPostgresError when it does not stop within a minute.
        """
        await _finished(lambda: self._server.stop(mode))

    def url(self, database: str = DATABASE) -> str:
        """For SQLAlchemy with asyncpg. It holds the password: it is not for logs."""
        # The port is said because asyncpg would else take it from PGPORT.
        place = {"host": str(self._server.socket_folder), "port": str(PORT)}
        url = URL.create("postgresql+asyncpg", username=ROLE, password=self._password, database=database, query=place)
        return url.render_as_string(hide_password=False)

    async def create_database(self, name: str) -> None:
        """Make the database `name` unless it is there. Raises ValueError for a name that SQL would have to quote."""
        if not _DATABASE_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for a database: up to 63 of a-z, 0-9 and _, not a digit first")
        engine = create_async_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        try:
            async with engine.connect() as connection:
                known = await connection.scalar(text("SELECT true FROM pg_database WHERE datname = :name"), {"name": name})
                if not known:
                    await connection.execute(text(f'CREATE DATABASE "{name}"'))
        finally:
            await engine.dispose()

    @property
    def bin_dir(self) -> Path:
        """The folder of PostgreSQL's programs (psql, pg_dump, pgbench); they may be a copy inside the data folder."""
        return self._server.bin_dir

    @property
    def socket_folder(self) -> Path:
        """What to give PostgreSQL's programs as --host."""
        return self._server.socket_folder

    @property
    def log(self) -> Path:
        """The server's log."""
        return self._server.log

    @classmethod
    def _prepared(cls, folder: DataFolder, durable: bool) -> EmbeddedPostgres:
        """All that is needed to start, made where it is missing. Blocks."""
        account = database_account()
        server = Server(
            bin_dir=usable_bin_dir(installed_site(), account, folder),
            account=account,
            pgdata=folder.path / "pgdata",
            socket_folder=folder.private_folder(SOCKET_FOLDER, account.uid, account.gid),
            log=folder.private_folder("log", account.uid, account.gid) / "postgres.log",
            durable=durable,
        )
        password = folder.read_secret(_PASSWORD_NAME)
        if server.pgdata.exists():
            if password is None:
                raise EmbeddedPostgresError(
                    f"{server.pgdata} exists and its password, {folder.path}/secrets/{_PASSWORD_NAME}, is missing. "
                    "Restore the whole folder from a backup, or set LICENSING_DATA_DIR to another folder to begin anew."
                )
        else:
            if password is None:
                password = secrets.token_urlsafe(32)
                folder.write_secret(_PASSWORD_NAME, password)
            server.initialise(folder, password)
        _sweep(folder)
        return cls(server, password)


def _sweep(folder: DataFolder) -> None:
    """Remove what interrupted starts and earlier versions left."""
    old = [copy for copy in folder.path.glob(f"{COPIES}*") if copy.name != copy_name()]
    for leftover in (*folder.path.glob(f"{UNFINISHED}*"), *old):
        # An orphan may still be writing there in the very first second; the next start then takes the rest.
        shutil.rmtree(leftover, ignore_errors=True)


async def _finished(work: Callable[[], Result]) -> Result:
    """Run blocking `work` in a thread to its end; a cancellation is passed on only then."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
