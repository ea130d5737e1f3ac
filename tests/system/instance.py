"""A whole instance as a process of its own: a folder, a port, started as a user would and ended by SIGTERM."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.house import ROOT

PATIENCE_SECONDS = 90.0


@dataclass(frozen=True)
class Place:
    """A data folder, the port for it, and settings as in the environment."""

    data: Path
    port: int
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LICENSING_")}
        return {**kept, **self.settings, "LICENSING_DATA_DIR": str(self.data), "LICENSING_PORT": str(self.port)}

    def key(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {(self.data / name).read_text().strip()}"}


class DrainingPlace(Place):
    """With time for a load balancer to notice."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "LICENSING_DRAIN_SECONDS": "3"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(place: Place, *program: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that is ready; ended by SIGTERM unless the test ended it. ``program``: a module and arguments, by default the product's."""
    command = [sys.executable, "-m", *(program or ("gateway.embedded",))]
    with subprocess.Popen(command, cwd=ROOT, env=place.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            wait_until_ready(place, process)
            yield process
        finally:
            process.terminate()


def wait_until_ready(place: Place, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with httpx.Client() as client:
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(httpx.TransportError):
                if client.get(f"{place.url}/readyz").status_code == 200:
                    return
            time.sleep(0.05)
    process.kill()
    raise AssertionError(f"not ready; it said: {process.communicate()[0]}")


def output_of(process: "subprocess.Popen[str]") -> str:
    return process.communicate(timeout=PATIENCE_SECONDS)[0]
