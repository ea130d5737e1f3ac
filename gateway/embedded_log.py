"""Where the logs of everything in one process go: a file that only its owner reads and that does not grow for ever, or stderr."""

import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Literal, TextIO

from shared.kit.logs import configure_logs

_FILE = "licensing.log"  # not in log/, which belongs to the database's account: we would write where it can place links
_LARGEST_BYTES = 10 * 1024 * 1024
_KEPT = 3


class _PrivateFile(RotatingFileHandler):
    """Every file of mode 0600 from its first byte: the log names callers and devices."""

    def _open(self) -> TextIO:  # type: ignore[override]
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8")


def configure_embedded_logs(where: Literal["file", "stderr"], folder: Path) -> None:
    """Send this process's logs to ``licensing.log`` in ``folder``, or to stderr."""
    configure_logs()
    if where == "stderr":
        return
    root = logging.getLogger()
    file = _PrivateFile(folder / _FILE, maxBytes=_LARGEST_BYTES, backupCount=_KEPT)
    file.setFormatter(root.handlers[0].formatter)
    root.handlers = [file]
