"""A Prometheus of a test's own: Debian's program, with the configuration that is shipped, and a test's targets instead of names in DNS.

Must not be broken: what differs from ``deploy/prometheus/prometheus.yml`` is where targets are and how often they are asked; jobs,
relabelling and rules are those of the file.
"""

import asyncio
import subprocess
import time
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.debian import NotInstalled, install, missing
from tests.house import ROOT
from tests.system.instance import free_port

SHIPPED = ROOT / "deploy" / "prometheus"
PATIENCE_SECONDS = 60.0
EVERY = "1s"
Sample = dict[str, Any]


@dataclass(frozen=True)
class Prometheus:
    """A running server, asked through its API."""

    http: httpx.AsyncClient

    async def query(self, expression: str) -> list[Sample]:
        """An instant vector; fails with what Prometheus has to say against the expression."""
        answer = await self.http.get("/api/v1/query", params={"query": expression})
        assert answer.status_code == 200, f"{expression}: {answer.text}"
        found: list[Sample] = answer.json()["data"]["result"]
        return found

    async def alerts(self, name: str, state: str) -> list[Sample]:
        listed = (await self.http.get("/api/v1/alerts")).raise_for_status().json()["data"]["alerts"]
        return [alert for alert in listed if alert["labels"]["alertname"] == name and alert["state"] == state]

    async def rules(self) -> list[Sample]:
        groups = (await self.http.get("/api/v1/rules")).raise_for_status().json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    async def names(self) -> set[str]:
        """Of every series that it has seen."""
        return set((await self.http.get("/api/v1/label/__name__/values")).raise_for_status().json()["data"])


def debians(binary: str) -> Path:
    """``prometheus`` or ``promtool``, installed where it is missing and may be."""
    try:
        return install("prometheus", binary)
    except NotInstalled as reason:
        missing(reason)


def configuration(targets: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What is shipped, for targets (``host:port``) by job; jobs without any are left out."""
    shipped: dict[str, Any] = yaml.safe_load((SHIPPED / "prometheus.yml").read_text("utf-8"))
    shipped["global"] = {"scrape_interval": EVERY, "evaluation_interval": EVERY}
    shipped["rule_files"] = [str(SHIPPED / pattern) for pattern in shipped["rule_files"]]
    unknown = targets.keys() - {job["job_name"] for job in shipped["scrape_configs"]}
    assert not unknown, f"no such job: {unknown}"
    shipped["scrape_configs"] = [_aimed(job, targets[job["job_name"]]) for job in shipped["scrape_configs"] if job["job_name"] in targets]
    return shipped


def _aimed(job: dict[str, Any], addresses: Sequence[str]) -> dict[str, Any]:
    kept = {name: value for name, value in job.items() if not name.endswith("sd_configs")}
    return {**kept, "static_configs": [{"targets": list(addresses)}]}


@contextmanager
def running_prometheus(folder: Path, targets: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Its URL; ready, and ended afterwards."""
    program, port = debians("prometheus"), free_port()
    folder.mkdir()
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump(configuration(targets)), "utf-8")
    command = [str(program), f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
    said = folder / "prometheus.log"
    with said.open("w") as log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT) as process:
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}", process, said)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]", said: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with httpx.Client() as client:
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(httpx.TransportError):
                if client.get(f"{url}/-/ready").status_code == 200:
                    return
            time.sleep(0.05)
    raise AssertionError(f"Prometheus is not ready; it said: {said.read_text()}")


async def check_metrics(url: str) -> None:
    """Fails with what promtool has against the names, types and help of what is shown there."""
    async with httpx.AsyncClient() as http:
        shown = (await http.get(url)).raise_for_status().content
    promtool = await asyncio.create_subprocess_exec(debians("promtool"), "check", "metrics", stdin=PIPE, stdout=PIPE, stderr=STDOUT)
    said, _ = await promtool.communicate(shown)
    assert (promtool.returncode, said.decode()) == (0, ""), url
