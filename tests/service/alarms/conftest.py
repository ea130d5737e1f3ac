"""A running alarms service."""

from collections.abc import AsyncIterator

import pytest

from services.alarms.app import create_app
from services.alarms.settings import AlarmsSettings
from shared.kit.clock import TestClock
from shared.kit.database import Database
from shared.kit.leader import leadership
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, running
from tests.service.alarms.facts import Alarms
from tests.service.alarms.receivers import Receivers


@pytest.fixture
async def alarms(database_url: str, bus: RememberingBus, clock: TestClock, metrics: Metrics) -> AsyncIterator[Alarms]:
    """Its timers run when a test says so: the fixture has taken their lead, and a clock that jumps is nothing to be watched meanwhile."""
    settings = AlarmsSettings(database_url=database_url, watch_seconds=3600)
    leader = Database(settings, "alarms", clock)
    async with leadership(leader, "timers"), running(app := create_app(settings, bus, clock, metrics)) as client:
        yield Alarms(app, client, bus, clock)
    await leader.close()


@pytest.fixture
def receivers(alarms: Alarms) -> Receivers:
    """The courier's way out. The clock stands: what failed is not tried again before the test says so."""
    alarms.clock.stand()
    found = Receivers(alarms)
    alarms.app.state.courier.send = found.send
    return found
