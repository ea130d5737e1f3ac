"""One PostgreSQL server on one data directory: made, started, stopped. Everything here blocks; `embedded.py` does not.

Must not be broken: fsync and synchronous_commit stay on, because an answer that was given is a promise (only tests that throw
their data away give durability up, by name); the server listens on no port; every login gives the password, the operating system's
account alone opens nothing.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shared.kit.data_folder import DataFolder, sync_folder, write_private_file
from shared.kit.postgres.account import Account, EmbeddedPostgresError
from shared.kit.postgres.binaries import UNFINISHED
from shared.kit.postgres.postmaster import remove_misleading_pid_file, running_postmaster

StopMode = Literal["smart", "fast", "immediate"]

ROLE = "licensing"
PORT = 5432  # names the socket's file; no port is opened

_INITDB_SECONDS = 120
_WAIT_SECONDS = 60
_LOG_BYTES = 4 * 1024 * 1024
_LOG_TAIL_BYTES = 4_000

_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # One process on one machine: enough for its connection pools, small enough for a laptop.
    "max_connections": "100",
    "shared_buffers": "128MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "512MB",
    "min_wal_size": "80MB",
    "jit": "off",
    # The log is not for statements: they carry what the callers sent.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}


@dataclass(frozen=True, slots=True)
class Server:
    """Where one server's things are, and the account that owns them."""

    bin_dir: Path
    account: Account
    pgdata: Path
    socket_folder: Path
    log: Path
    durable: bool = True

    def initialise(self, folder: DataFolder, password: str) -> None:
        """Make the data directory: whole or not at all, so an interrupted first start leaves nothing to trip over."""
        draft = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder.path))
        os.chown(draft, self.account.uid, self.account.gid)
        write_private_file(draft / "password", password, self.account.uid, self.account.gid)
        command: list[str | Path] = [self.bin_dir / "initdb", f"--pgdata={draft / 'pgdata'}", f"--username={ROLE}"]
        rules = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        try:
            done = self.account.run([*command, f"--pwfile={draft / 'password'}", *rules], _INITDB_SECONDS)
        finally:
            (draft / "password").unlink()
        if done.returncode != 0:
            raise EmbeddedPostgresError(f"initdb could not make a database in {folder.path}:\n{done.stdout.strip()}")
        (draft / "pgdata").rename(self.pgdata)
        sync_folder(folder.path)
        draft.rmdir()

    def start(self) -> None:
        """Start, after stopping a server that a killed process left behind: its sessions may still hold locks.

        Raises EmbeddedPostgresError with the end of the server's log.
        """
        output = self._start_once()
        if output and running_postmaster(self.pgdata):
            # The left-over one was itself only just starting when we looked, and won.
            output = self._start_once()
        if output:
            raise EmbeddedPostgresError(
                f"PostgreSQL did not start in {self.pgdata} within {_WAIT_SECONDS} seconds: {output}\n"
                f"The end of its log {self.log}:\n{self._log_tail()}"
            )

    def stop(self, mode: StopMode) -> None:
        """Stop and wait; nothing when it does not run. `immediate` is a crash on purpose: the next start recovers.

        Raises EmbeddedPostgresError when it still runs after a minute.
        """
        if running_postmaster(self.pgdata) is None:
            return
        done = self._pg_ctl("stop", f"--mode={mode}")
        if done and running_postmaster(self.pgdata) is not None:
            raise EmbeddedPostgresError(
                f"PostgreSQL in {self.pgdata} still runs {_WAIT_SECONDS} seconds after it was told to stop ({mode}): {done}\n"
                f"The end of its log {self.log}:\n{self._log_tail()}"
            )

    def _start_once(self) -> str:
        """What pg_ctl complained of, or nothing."""
        self.stop("fast")
        remove_misleading_pid_file(self.pgdata)
        self._turn_log()
        return self._pg_ctl("start", f"--log={self.log}", f"--options={self._options()}")

    def _pg_ctl(self, verb: str, *arguments: str) -> str:
        command: list[str | Path] = [self.bin_dir / "pg_ctl", verb, "--wait", f"--timeout={_WAIT_SECONDS}"]
        done = self.account.run([*command, "--silent", f"--pgdata={self.pgdata}", *arguments], _WAIT_SECONDS + 10)
        return "" if done.returncode == 0 else (done.stdout.strip() or f"pg_ctl {verb} ended with {done.returncode}")

    def _options(self) -> str:
        """Given at every start, not kept in a file: what runs is what this module says."""
        directory = '"' + str(self.socket_folder).replace('"', '""') + '"'
        settings = {**_SETTINGS, "unix_socket_directories": directory, "fsync": "on" if self.durable else "off"}
        return " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())

    def _turn_log(self) -> None:
        """Keep the log and the one before it, each begun anew once it has grown past the limit."""
        if self.log.exists() and self.log.lstat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))

    def _log_tail(self) -> str:
        try:
            descriptor = os.open(self.log, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return "(no log was written)"
        with os.fdopen(descriptor, "rb") as file:
            file.seek(max(0, os.fstat(descriptor).st_size - _LOG_TAIL_BYTES))
            return file.read().decode(errors="replace").strip()
