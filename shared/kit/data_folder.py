"""Where state lives on disk: one folder, one process, nothing in it readable by anybody else.

Must not be broken: a permission of something that this module did not create is never changed. A place that
does not fit is refused, with the reason and the way out, because loosening it would open other people's files.
POSIX only: the lock is flock, and the database is reached through a socket file inside the folder.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

DEFAULT_NAME = "callmanager-licensing"
SOCKET_FOLDER = "socket"
SOCKET_FILE = ".s.PGSQL.5432"
# sun_path holds 108 bytes on Linux and 104 on macOS, the closing NUL included; a few are kept back.
SOCKET_PATH_BYTES = 100

# A comma separates hosts in a database's URL; pg_ctl hands paths to a shell between double quotes, unescaped.
_UNUSABLE = re.compile(r'[,"$`\\\x00-\x1f]')
_SECRET_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class DataFolderError(Exception):
    """The data folder cannot be used as it stands; the message says why and what to do."""


class DataFolder:
    """The open data folder. It stays locked until `close()` or the end of the process, however that ends."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock: int | None = lock

    @classmethod
    def open(cls, path: Path | None) -> DataFolder:
        """Make the folder where it is missing, check it, lock it.

        `path` is the setting LICENSING_DATA_DIR; without one the place is `default_path()`.
        Raises DataFolderError: path too long for a socket, a parent not passable, not ours alone, or in use.
        """
        place = Path(os.path.realpath(default_path() if path is None else path.expanduser()))
        _check_socket_path(place)
        for folder in (*reversed(place.parents), place):
            _make_or_pass(folder)
        _check_ours_alone(place)
        return cls(place, _take_lock(place / "lock"))

    def close(self) -> None:
        """Let another process open the folder. The lock file stays: removing it would let two in at once."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def private_folder(self, name: str, uid: int | None = None, gid: int | None = None) -> Path:
        """A folder of mode 0700 inside, belonging to `uid` and `gid` (default: to us); made where it is missing."""
        folder = self.path / name
        owner = os.geteuid() if uid is None else uid
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        facts = folder.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_mode & 0o077 or facts.st_uid not in (owner, os.geteuid()):
            raise DataFolderError(
                f"{folder} should be a folder of mode 0700 owned by uid {owner}; it has mode {_octal(facts.st_mode)} "
                f"and belongs to uid {facts.st_uid}. Put that right, or choose another LICENSING_DATA_DIR."
            )
        if facts.st_uid != owner:
            os.chown(folder, owner, -1 if gid is None else gid, follow_symlinks=False)
        return folder

    def write_secret(self, name: str, text: str) -> None:
        """Keep `text` under `name`: whole or not at all, mode 0600 from its first byte.

        Raises DataFolderError where the secret exists: what was sealed with the old one would be lost.
        """
        target = self._secret_file(name)
        if os.path.lexists(target):
            raise DataFolderError(f"{target} exists and is not overwritten. Move it away first if it must change.")
        draft = target.with_name(f".{name}.draft")
        draft.unlink(missing_ok=True)
        write_private_file(draft, text)
        draft.rename(target)
        sync_folder(target.parent)

    def read_secret(self, name: str) -> str | None:
        """The text kept under `name`, or None. Raises DataFolderError where others could have read or written it."""
        target = self._secret_file(name)
        try:
            descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, encoding="utf-8", newline="") as file:
            facts = os.fstat(descriptor)
            if facts.st_mode & 0o077 or facts.st_uid != os.geteuid():
                raise DataFolderError(
                    f"{target} has mode {_octal(facts.st_mode)} and belongs to uid {facts.st_uid}; a secret must have mode "
                    f"0600 and belong to uid {os.geteuid()}. Others may know it: replace it, or restore its mode if you are sure."
                )
            return file.read()

    def _secret_file(self, name: str) -> Path:
        if not _SECRET_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for a secret: 1 to 64 of a-z, 0-9, _ and -")
        return self.private_folder("secrets") / name


def default_path(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """As root the system's folder for state, else the folder that the platform gives to a user's data."""
    if os.geteuid() == 0:
        return Path("/var/lib") / DEFAULT_NAME
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / DEFAULT_NAME
    # XDG Base Directory Specification: unset, empty and relative values all mean the default.
    given = Path(environment.get("XDG_DATA_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".local" / "share") / DEFAULT_NAME


def passable(folder: Path) -> bool:
    """May the account that runs the database walk through? As root that is an account in no group of others, else we."""
    if os.geteuid() == 0:
        return bool(folder.stat().st_mode & stat.S_IXOTH)
    return os.access(folder, os.X_OK)


def write_private_file(path: Path, text: str, uid: int = -1, gid: int = -1) -> None:
    """A new file of mode 0600, on disk when this returns. Raises FileExistsError; follows no link."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
        os.fchown(descriptor, uid, gid)


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_socket_path(place: Path) -> None:
    tail = f"/{SOCKET_FOLDER}/{SOCKET_FILE}"
    size = len(os.fsencode(place)) + len(tail)
    if size > SOCKET_PATH_BYTES:
        raise DataFolderError(
            f"the database's socket {place}{tail} would have a path of {size} bytes, and a socket's path holds "
            f"{SOCKET_PATH_BYTES}. Set LICENSING_DATA_DIR to a folder whose path has at most {SOCKET_PATH_BYTES - len(tail)} bytes."
        )
    if unusable := _UNUSABLE.search(str(place)):
        raise DataFolderError(
            f"{place} has the character {unusable.group()!r}, which a database's URL or PostgreSQL's start-up would misread. "
            "Set LICENSING_DATA_DIR to a folder without it."
        )


def _make_or_pass(folder: Path) -> None:
    if not folder.is_dir():
        try:
            folder.mkdir(mode=0o700)
            if os.geteuid() == 0:
                folder.chmod(0o711)  # the database runs as another account and has to walk through, whatever the umask
        except OSError as error:
            raise DataFolderError(f"cannot make {folder}: {error.strerror}. Set LICENSING_DATA_DIR to a place you may write.") from error
    if not passable(folder):
        raise DataFolderError(
            f"the account that runs the database cannot pass {folder} (mode {_octal(folder.stat().st_mode)}), and its "
            "permissions are not ours to loosen. Set LICENSING_DATA_DIR to a folder below parents that everybody may pass "
            "(as root the default is /var/lib/callmanager-licensing), or let others pass that folder yourself (chmod o+x)."
        )


def _check_ours_alone(place: Path) -> None:
    facts = place.stat()
    if facts.st_uid != os.geteuid():
        raise DataFolderError(
            f"{place} belongs to uid {facts.st_uid} and this process runs as uid {os.geteuid()}. "
            "Run as its owner, or set LICENSING_DATA_DIR to a folder of your own."
        )
    if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise DataFolderError(
            f"{place} has mode {_octal(facts.st_mode)}: others could replace what is in it. "
            "Take their right to write (chmod go-w), or set LICENSING_DATA_DIR to another folder."
        )


def _take_lock(path: Path) -> int:
    """Hold flock on `path`; the kernel lets go when the process ends, so no stale lock can remain."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise DataFolderError(f"cannot open the lock {path}: {error.strerror}. Set LICENSING_DATA_DIR to another folder.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown, it has only just started"
        os.close(descriptor)
        raise DataFolderError(
            f"{path.parent} is in use by another process (pid {holder}). Stop that one first, or set LICENSING_DATA_DIR to another folder."
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
    return descriptor


def _octal(mode: int) -> str:
    return f"{stat.S_IMODE(mode):04o}"
