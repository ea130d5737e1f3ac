"""Both sides as docker-compose.yml runs them, several processes of each service: the whole story through both gateways, and the end.

The tests stand in the order in which an installation lives, and share it: a start is what costs.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from tests.prometheus import check_metrics
from tests.rabbitmq import RabbitNode
from tests.system.installation import Installation
from tests.system.story import play


@pytest.fixture(scope="module")
async def sides(rabbit: RabbitNode) -> AsyncIterator[list[Installation]]:
    customer = Installation.make("customer", rabbit, replicas={"ledger": 3}, otherwise=2)
    made = list(await asyncio.gather(customer, Installation.make("vendor", rabbit, otherwise=2)))
    yield made
    await asyncio.gather(*(side.remove() for side in made))


@pytest.fixture(scope="module")
def customer(sides: list[Installation]) -> Installation:
    return sides[0]


@pytest.fixture(scope="module")
def vendor(sides: list[Installation]) -> Installation:
    return sides[1]


async def test_both_sides_start_and_their_health_is_seen(customer: Installation, vendor: Installation) -> None:
    await vendor.up()
    customer.trust(vendor)
    await customer.up()
    running = {name: len(each) for side in (customer, vendor) for name, each in side.replicas.items()}
    two = dict.fromkeys(("licensefile", "calculator", "alarms", "gateway", "registration", "vendor-gateway"), 2)
    assert running == {"ledger": 3, **two}
    looked_at = [each[0] for side in (customer, vendor) for each in side.replicas.values()]
    healthy = await asyncio.gather(*(asyncio.to_thread(replica.is_healthy) for replica in looked_at))
    assert dict(zip([replica.service.name for replica in looked_at], healthy, strict=True)) == dict.fromkeys(running, True)


async def test_the_vendors_metrics_follow_the_rules_too(vendor: Installation) -> None:
    for replicas in vendor.replicas.values():
        await check_metrics(f"{replicas[0].url}/metrics")


async def test_the_story_is_played_through_both_gateways(customer: Installation, vendor: Installation) -> None:
    await play(customer, vendor)


async def test_nothing_that_the_vendor_keeps_secret_is_anywhere_on_the_customers_side(customer: Installation, vendor: Installation) -> None:
    key = (vendor.folder / "volumes" / "vendor-key" / "signing-key.pem").read_text()
    words = [line for line in key.splitlines() if not line.startswith("-----")]
    words += [path.read_text() for path in (vendor.folder / "secrets").iterdir() if path.name != "rabbitmq_definitions"]
    assert len(words) > 10
    assert not await asyncio.to_thread(holding, customer.folder, words)
    assert not [word for log in vendor.folder.glob("*.log") for word in words if word in log.read_text()]
    rows = {path.parts[len(customer.folder.parts)] for path in await asyncio.to_thread(holding, customer.folder, ["headquarters"])}
    assert "data" in rows, "the search finds what is there"


async def test_every_process_ends_in_order_within_its_grace(customer: Installation, vendor: Installation) -> None:
    ended = list(await asyncio.gather(customer.down(), vendor.down()))
    assert ended == [{name: [0] * len(each) for name, each in side.replicas.items()} for side in (customer, vendor)]


def holding(folder: Path, words: Iterable[str]) -> list[Path]:
    """The files below ``folder`` in which one of the words stands."""
    sought = [word.encode() for word in words]
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found += [path] if any(word in content for word in sought) else []
    return found
