"""A small disk for the database that a test can fill: a tmpfs of its own, where this machine lets us mount one."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_MEBIBYTES = 640
_PIECE = b"\0" * 65_536


@dataclass(frozen=True)
class Disk:
    """``path`` lies on it. ``why_not``: why it is no disk of its own but a folder, empty where it is one."""

    path: Path
    why_not: str

    @classmethod
    @contextmanager
    def plain(cls, path: Path) -> Iterator["Disk"]:
        """A folder of the machine's own disk, where durable means durable."""
        path.mkdir(mode=0o711)
        yield cls(path, "it is a folder")

    @classmethod
    @contextmanager
    def mounted(cls, path: Path) -> Iterator["Disk"]:
        """A disk at ``path``, unmounted afterwards."""
        path.mkdir(mode=0o711)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_MEBIBYTES}m,mode=0711", "licensing-faults", str(path)]
        if os.geteuid() != 0:
            yield cls(path, "only root may mount a tmpfs")
            return
        try:
            done = subprocess.run(mount, check=False, capture_output=True, text=True)
        except FileNotFoundError:
            yield cls(path, "there is no program `mount`")
            return
        if done.returncode:
            yield cls(path, f"a tmpfs may not be mounted here: {done.stderr.strip()}")
            return
        try:
            yield cls(path, "")
        finally:
            subprocess.run(["umount", "--lazy", str(path)], check=True)

    @property
    def _ballast(self) -> Path:
        return self.path / "ballast"

    def fill(self) -> None:
        """Leave not a byte to anybody."""
        assert not self.why_not
        descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            for size in (len(_PIECE), 4096):
                self._fill(descriptor, _PIECE[:size])
        finally:
            os.close(descriptor)

    def _fill(self, descriptor: int, piece: bytes) -> None:
        while True:
            try:
                if os.write(descriptor, piece) < len(piece):
                    return
            except OSError:  # no space left
                return

    def make_room(self) -> None:
        self._ballast.unlink(missing_ok=True)
