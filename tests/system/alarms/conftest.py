"""One installation in the shape of production, with its broker, and a receiver of every kind; what costs is a start."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.debian import NotInstalled, missing
from tests.faults.production import VHOST, Production, administrator, production
from tests.rabbitmq import programs
from tests.system.alarms.everybody import Everybody, everybody, listening
from tests.system.product import Product

SETTINGS = {
    "LICENSING_HEARTBEAT_SECONDS": "1",
    "LICENSING_WATCH_SECONDS": "0.5",
    "LICENSING_INTERNAL_ERROR_QUIET_SECONDS": "3",
    "LICENSING_QUIET_CHECK_SECONDS": "0.5",
    # Longer than any test waits for a receiver that is well: one that waited for one that hangs would be found out.
    "LICENSING_DELIVERY_SECONDS": "60",
}
LEDGERS_STORE = "ledger→database"


@pytest.fixture(scope="package")
async def told(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Everybody]:
    async with everybody(Path(tmp_path_factory.mktemp("receivers"))) as made:
        yield made


@pytest.fixture(scope="package")
async def installation(told: Everybody) -> AsyncIterator[Production]:
    """One process a service."""
    try:
        programs()
    except NotInstalled as reason:
        missing(reason)
    async with (
        production({**SETTINGS, **told.settings}, ledgers=1, broken=[LEDGERS_STORE]) as made,
        listening(made.broker.url_of(VHOST), told.facts),
    ):
        yield made


@pytest.fixture
async def product(installation: Production) -> AsyncIterator[Product]:
    async with administrator(installation) as made:
        yield made
