"""A running alarms service."""

from collections.abc import AsyncIterator

import pytest

from services.alarms.app import create_app
from services.alarms.settings import AlarmsSettings
from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, running
from tests.service.alarms.facts import Alarms


@pytest.fixture
async def alarms(database_url: str, bus: RememberingBus, clock: TestClock, metrics: Metrics) -> AsyncIterator[Alarms]:
    app = create_app(AlarmsSettings(database_url=database_url), bus, clock, metrics)
    async with running(app) as client:
        yield Alarms(app, client, bus, clock)
