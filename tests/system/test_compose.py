"""Both sides as docker-compose.yml runs them, several processes of each service, and the whole story through both gateways."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from tests.house import ROOT
from tests.rabbitmq import RabbitNode
from tests.system.installation import Installation

PATIENCE_SECONDS = 240


@pytest.fixture(scope="module")
async def vendor(rabbit: RabbitNode) -> AsyncIterator[Installation]:
    installation = await Installation.make("vendor", rabbit, otherwise=2)
    yield installation
    await installation.remove()


@pytest.fixture(scope="module")
async def customer(rabbit: RabbitNode) -> AsyncIterator[Installation]:
    installation = await Installation.make("customer", rabbit, replicas={"ledger": 3}, otherwise=2)
    yield installation
    await installation.remove()


async def test_the_story_is_played_through_both_gateways_over_several_processes_of_each_service(
    customer: Installation, vendor: Installation
) -> None:
    await vendor.up()
    customer.trust(vendor)
    await customer.up()
    assert {name: len(each) for name, each in customer.replicas.items()} == {
        "ledger": 3, "licensefile": 2, "calculator": 2, "alarms": 2, "gateway": 2
    }  # fmt: skip
    where = ["--url", customer.urls[0], "--vendor-url", vendor.urls[0]]
    keys = ["--admin-key", str(customer.first_key), "--vendor-key", str(vendor.first_key)]
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "gateway.demo", *where, *keys], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "The story ran as told" in done.stdout
