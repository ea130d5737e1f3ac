"""The demo's story, played against both sides of an installation."""

import asyncio
import subprocess
import sys

from tests.system.installation import Installation


async def play(customer: Installation, vendor: Installation) -> None:
    """By the demo of the customer's release; fails with what it said."""
    where = ["--url", customer.urls[0], "--vendor-url", vendor.urls[0]]
    keys = ["--admin-key", str(customer.first_key), "--vendor-key", str(vendor.first_key)]
    command = [sys.executable, "-m", "gateway.demo", *where, *keys]
    done = await asyncio.to_thread(subprocess.run, command, cwd=customer.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "The story ran as told" in done.stdout
