"""Which account of the operating system the database runs as, and running a program as that account.

PostgreSQL refuses to run as root, so root hands it to an account that exists for nothing else. The account `nobody`
will not do: other programs share it, and whoever runs as it could read the database's files.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ACCOUNT_NAME = "callmanager-licensing"
_USERADD = (
    "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin",
    ACCOUNT_NAME,
)  # fmt: skip
# A fixed zone spares initdb the search for the machine's; nothing of our own environment (PG*, secrets) is passed on.
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC"}


class EmbeddedPostgresError(Exception):
    """The embedded database could not be made, started or stopped; the message has the reason and the way out."""


@dataclass(frozen=True, slots=True)
class Account:
    """A uid with its own group; `separate` when it is not the account that this process runs as."""

    uid: int
    gid: int
    separate: bool

    def run(self, command: Sequence[str | Path], seconds: float) -> subprocess.CompletedProcess[str]:
        """Run to the end as this account, out of reach of the terminal's Ctrl-C; blocks.

        Standard output and error come back together in `stdout`. Raises EmbeddedPostgresError when the program cannot
        be started or takes longer than `seconds`; a failing exit is the caller's to judge.
        """
        try:
            return subprocess.run(
                command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                encoding="utf-8", errors="replace", timeout=seconds, cwd="/", env=_ENVIRONMENT, start_new_session=True,
                user=self.uid if self.separate else None,
                group=self.gid if self.separate else None,
                extra_groups=[] if self.separate else None,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise EmbeddedPostgresError(f"{command[0]} had not ended after {seconds:g} seconds and was stopped") from error
        except OSError as error:
            raise EmbeddedPostgresError(f"{command[0]} could not be run as uid {self.uid}: {error}") from error


def database_account() -> Account:
    """We ourselves; as root the dedicated account, made when it is missing. Blocks.

    Raises EmbeddedPostgresError when the account is missing and cannot be made.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), separate=False)
    found = _look_up()
    if found is None:
        reason = _make()
        found = _look_up()  # whatever useradd said: another process may have made it at the same time
        if found is None:
            raise EmbeddedPostgresError(
                f"PostgreSQL does not run as root, and the account {ACCOUNT_NAME} for it is missing and could not be made "
                f"({reason}). Run this program as an ordinary user, or make the account: {' '.join(_USERADD)}"
            )
    return found


def _look_up() -> Account | None:
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        return None
    if entry.pw_uid == 0:
        raise EmbeddedPostgresError(f"the account {ACCOUNT_NAME} has uid 0, and PostgreSQL does not run as root. Give it another uid.")
    return Account(entry.pw_uid, entry.pw_gid, separate=True)


def _make() -> str:
    """Call useradd; why it failed, or nothing."""
    try:
        done = subprocess.run(_USERADD, check=False, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stderr.strip()
