"""What the story is played on: the two sides' APIs, waiting for what arrives a moment later, and saying what happens."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from gateway.demo.api import Answer, Api

_PATIENCE_SECONDS = 15.0


class StoryBroken(Exception):
    """The product did something else than the story says."""


class Stage:
    """The customer's administrator, the vendor's desk, and the audience. ``vendors_public_key``: the file that the customer trusts."""

    def __init__(self, admin: Api, vendor: Api, console: Console, vendors_public_key: Path | None = None) -> None:
        self.admin = admin
        self.vendor = vendor
        self.vendors_public_key = vendors_public_key
        self._console = console
        self._step = 0

    def step(self, title: str) -> None:
        """Begin a step of the story."""
        self._step += 1
        self._console.print(f"\n[bold cyan]{self._step:2}. {title}[/]")

    def say(self, text: str) -> None:
        """Say what was seen."""
        self._console.print(f"    {text}", highlight=False)

    def quote(self, text: str) -> None:
        """Show lines of a file as they are."""
        for line in text.splitlines():
            self._console.print(f"    {line}", style="dim", markup=False, highlight=False, no_wrap=True, overflow="ellipsis")

    def show(self, table: Table) -> None:
        self._console.print(table)

    def expect(self, what: str, seen: object, wanted: object) -> None:
        """Check and say. Raises StoryBroken."""
        if seen != wanted:
            raise StoryBroken(f"{what}: expected {wanted!r}, got {seen!r}")
        self.say(f"[green]✓[/] {what}: {seen}")

    def accepted(self, answer: Answer, *statuses: int) -> Any:
        """The body of an answer with one of ``statuses``. Raises StoryBroken with the problem that came instead."""
        if answer.status not in statuses:
            raise StoryBroken(f"expected status {statuses}, got {answer.status}: {answer.body or answer.content[:500]!r}")
        return answer.body

    def refused(self, what: str, answer: Answer, status: int, problem: str) -> dict[str, Any]:
        """The problem of an answer that had to be refused so. Raises StoryBroken."""
        self.expect(what, (answer.status, answer.problem), (status, problem))
        self.say(f"  “{answer.body['detail']}”")
        body: dict[str, Any] = answer.body
        return body

    async def until(self, what: str, look: Callable[[], Awaitable[Any]]) -> Any:
        """Wait for what arrives by event; returns the first true thing seen. Raises StoryBroken."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        while not (seen := await look()):
            if asyncio.get_running_loop().time() > deadline:
                raise StoryBroken(f"{what}: did not happen within {_PATIENCE_SECONDS:.0f} s")
            await asyncio.sleep(0.05)
        self.say(f"[green]✓[/] {what}")
        return seen

    async def alarm(self, name: str, cluster: str, state: str) -> dict[str, Any]:
        """Wait until the newest alarm of that name stands so, and show it."""

        async def look() -> Any:
            listed = self.accepted(await self.admin.call("listAlarms", {"name": name, "cluster": cluster}), 200)["items"]
            return listed[0] if listed and listed[0]["state"] == state else None

        seen: dict[str, Any] = await self.until(f"alarm {name} is {state} for {cluster}", look)
        self.say(f"  {seen['severity']} ({seen['level']}): {seen['reason']}")
        return seen


def unit_report_table(report: dict[str, Any]) -> Table:
    """The License Unit Report as the administrator knows it."""
    manager = report["license_manager"]
    table = Table(title=f"License Unit Report: {report['cluster']} (license manager {manager['node']}, {manager['mac']})")
    for heading in ("Feature / device type", "Devices", "Units each", "Authorized", "Overdraft allowed", "Used", "Remaining", "Status"):
        table.add_column(heading, justify="left" if heading in {"Feature / device type", "Status"} else "right")
    for row in report["features"]:
        numbers = (row["authorized"], row["overdraft_allowed"], row["used"], row["remaining"])
        table.add_row(f"[bold]{row['feature']}[/]", "", "", *(f"{n:,}" for n in numbers), row["status"])
    for row in report["device_types"]:
        table.add_row(f"  {row['device_type']}", f"{row['devices']:,}", str(row["units_each"]), "", "", f"{row['units']:,}", "", "")
    for row in report["license_files"]:
        granted = f"{row['units']:,} units, {row['nodes']} nodes" if row["granted"] else "grants nothing"
        table.add_row(f"  file {row['license_file_id']}", "", "", granted, "", "", "", row["state"])
    return table
