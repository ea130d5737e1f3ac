"""One command of the product as a process of its own, as in production: started, asked, ended by a signal, killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.house import ROOT, eventually
from tests.system.instance import free_port

PATIENCE_SECONDS = 60.0


@dataclass
class Program:
    """``python -m <module> serve`` with these settings (LICENSING_*) and no others; may be started again after its end.

    ``log``: what it and its predecessors said.
    """

    module: str
    settings: Mapping[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    running: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *arguments: str) -> None:
        """Begin; returns at once. ``arguments``: ``serve`` by default."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LICENSING_")}
        environment = {**kept, "LICENSING_PORT": str(self.port), "LICENSING_DRAIN_SECONDS": "0", **self.settings}
        command = [sys.executable, "-m", self.module, *(arguments or ("serve",))]
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def signal(self, number: int = signal.SIGTERM) -> None:
        assert self.running is not None
        self.running.send_signal(number)

    async def ended(self) -> int:
        """Wait for its end; the exit code."""
        assert self.running is not None
        return await asyncio.to_thread(self.running.wait, PATIENCE_SECONDS)

    async def stop(self) -> int:
        """SIGTERM, and its exit code."""
        self.signal()
        return await self.ended()

    async def health(self, path: str = "/readyz") -> tuple[int, dict[str, Any]]:
        """Status and checks; (0, {}) where nobody listens."""
        try:
            async with httpx.AsyncClient(verify=False, trust_env=False) as client:  # no TLS: nothing to prepare for it
                answer = await client.get(self.url + path)
        except httpx.TransportError:
            return 0, {}
        return answer.status_code, answer.json()["checks"]

    async def ready(self) -> None:
        """Wait until /readyz is 200; fails with the log when the process ends before."""

        async def look() -> bool:
            assert self.running is not None
            assert self.running.poll() is None
            return (await self.health())[0] == httpx.codes.OK

        try:
            await eventually(look, "ready")
        except AssertionError as error:
            raise AssertionError(f"{self.module} is not ready: {await self.health()}; it said: {self.said()}") from error

    def said(self) -> str:
        return self.log.read_text("utf-8")

    def logged(self) -> list[dict[str, Any]]:
        """The log's lines of JSON; what is none is no line of the log."""
        return [json.loads(line) for line in self.said().splitlines() if line.startswith("{")]


@contextmanager
def program(module: str, settings: Mapping[str, str]) -> Iterator[Program]:
    """A program that is not started yet; whatever runs of it at the end is killed."""
    with tempfile.TemporaryDirectory(prefix="lic-", dir="/tmp") as folder:
        made = Program(module, settings, Path(folder) / "log")
        try:
            yield made
        finally:
            if made.running is not None and made.running.poll() is None:
                made.running.kill()
                made.running.wait()
