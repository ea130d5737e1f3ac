"""Waiting for what other programs write, and running them so that none is left behind."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.debian import found

PATIENCE_SECONDS = 60.0
Found = TypeVar("Found")


async def until(look: Callable[[], Found], what: Callable[[], object] = lambda: "") -> Found:
    """What ``look`` finds, once it finds something; fails with ``what`` there was instead."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not (seen := look()):
        assert asyncio.get_running_loop().time() < deadline, f"nothing came within {PATIENCE_SECONDS:g} s: {what()}"
        await asyncio.sleep(0.02)
    return seen


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def own_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="lic-receiver-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _started(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    mortal = [str(setpriv), "--pdeathsig", "KILL"] if (setpriv := found("setpriv")) else []
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    with log.open("ab") as out:
        return subprocess.Popen([*mortal, *command], stdout=out, env={**os.environ, **environment}, **streams)


@asynccontextmanager
async def beside(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """A program that runs meanwhile; also a run that is killed leaves none behind."""
    process = _started(command, log, environment or {})
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        await asyncio.to_thread(process.wait)
