"""Is the server of this data directory running, whoever started it?

Must not be broken: a number in a left-over postmaster.pid may by now belong to an innocent program of the same user
(likely in a container, where the numbers start again). It is never signalled on the strength of the file alone.
"""

from __future__ import annotations

import subprocess
from pathlib import Path


def running_postmaster(pgdata: Path) -> int | None:
    """The pid of the server that runs on `pgdata`, or None. Blocks for a moment."""
    pid = _noted_pid(pgdata)
    return pid if pid is not None and _serves(pid, pgdata) else None


def remove_misleading_pid_file(pgdata: Path) -> None:
    """Remove a postmaster.pid whose number a different program has by now: PostgreSQL would refuse to start beside it.

    One whose number nobody has is left: PostgreSQL reads in it whether sessions of the dead server still live.
    """
    pid = _noted_pid(pgdata)
    if pid is not None and _command_line(pid) and not _serves(pid, pgdata):
        (pgdata / "postmaster.pid").unlink()


def _noted_pid(pgdata: Path) -> int | None:
    try:
        first_line = (pgdata / "postmaster.pid").read_text(encoding="ascii", errors="replace").partition("\n")[0].strip()
    except FileNotFoundError:
        return None
    return int(first_line) if first_line.isdecimal() else None


def _serves(pid: int, pgdata: Path) -> bool:
    """pg_ctl starts the server as `…/postgres -D PGDATA …`, and the first process keeps that command line."""
    command = _command_line(pid)
    return "postgres" in command and str(pgdata) in command


def _command_line(pid: int) -> str:
    """What process `pid` was started with; empty when it is gone or only waits to be collected."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        if Path("/proc/self").is_dir():
            return ""  # there is a /proc, and the process is not in it
    ps = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    listed = subprocess.run(ps, check=False, capture_output=True, text=True, timeout=10)
    return listed.stdout.strip()
