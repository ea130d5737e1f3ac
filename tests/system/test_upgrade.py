"""A release's processes work on the schema of the next one: an upgrade migrates first, and then replaces process after process.

The release before is the newest tag before this commit. Where there is none there was nobody to upgrade, and the test says so.
"""

import asyncio
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import ROOT
from tests.rabbitmq import RabbitNode
from tests.system.installation import Installation
from tests.system.story import play


def git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True).stdout


def release_before() -> str | None:
    """The newest tag among this commit's ancestors, but not its own."""
    if not (ROOT / ".git").exists():
        return None
    own = set(git("tag", "--points-at", "HEAD").decode().split())
    tags = git("tag", "--list", "v*", "--merged", "HEAD", "--sort=-version:refname").decode().split()
    return next((tag for tag in tags if tag not in own), None)


@pytest.fixture(scope="module")
def before() -> Iterator[Path]:
    """The code of the release before, with this one's libraries."""
    tag = release_before()
    if tag is None:
        pytest.skip("there is no release before this one: no tag v… among this commit's ancestors")
    with tempfile.TemporaryDirectory(prefix="lic-", dir="/tmp") as folder, tarfile.open(fileobj=io.BytesIO(git("archive", tag))) as code:
        code.extractall(folder, filter="data")
        yield Path(folder)


async def test_the_release_before_plays_its_story_on_the_schema_of_this_one(before: Path, rabbit: RabbitNode) -> None:
    customer, vendor = await asyncio.gather(*(Installation.make(side, rabbit, root=before) for side in ("customer", "vendor")))
    try:
        await vendor.up()
        customer.trust(vendor)
        await customer.up()
        await play(customer, vendor)
    finally:
        await asyncio.gather(customer.remove(), vendor.remove())
