"""A small disk for the database that a test can fill: a tmpfs of its own, where this machine lets us mount one."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_MEBIBYTES = 640
_PIECES = (b"\0" * 65_536, b"\0" * 4_096)


@dataclass(frozen=True)
class Disk:
    """``path`` lies on it. ``why_not``: why it is no disk of its own but a folder; empty where it is one."""

    path: Path
    why_not: str

    @classmethod
    def plain(cls, path: Path) -> "Disk":
        """A folder of the machine's own disk, where durable means durable."""
        path.mkdir(mode=0o711)
        return cls(path, "nobody asked for one")

    @classmethod
    def mounted(cls, path: Path) -> "Disk":
        """A disk at ``path``, to be unmounted; a folder where none may be mounted."""
        path.mkdir(mode=0o711)
        if os.geteuid() != 0:
            return cls(path, "only root may mount a tmpfs")
        command = ["mount", "-t", "tmpfs", "-o", f"size={_MEBIBYTES}m,mode=0711", "licensing-faults", str(path)]
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True)
        except FileNotFoundError:
            return cls(path, "there is no program `mount`")
        return cls(path, f"a tmpfs may not be mounted: {done.stderr.strip()}" if done.returncode else "")

    def unmount(self) -> None:
        if not self.why_not:
            subprocess.run(["umount", "--lazy", str(self.path)], check=True)

    @property
    def _ballast(self) -> Path:
        return self.path / "ballast"

    def fill(self) -> None:
        """Leave not a page to anybody."""
        assert not self.why_not
        descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            for piece in _PIECES:
                _write_until_full(descriptor, piece)
        finally:
            os.close(descriptor)

    def make_room(self) -> None:
        self._ballast.unlink(missing_ok=True)


def _write_until_full(descriptor: int, piece: bytes) -> None:
    while True:
        try:
            if os.write(descriptor, piece) < len(piece):
                return
        except OSError:  # no space is left
            return
