"""The desk under test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, running
from tests.service.registration.desk import CALLER, Desk, desk_app


@pytest.fixture
async def desk(database_url: str, tmp_path: Path, bus: RememberingBus, clock: TestClock, metrics: Metrics) -> AsyncIterator[Desk]:
    async with running(desk_app(database_url, tmp_path, bus, clock, metrics)) as client:
        client.headers.update(CALLER)
        yield Desk(client, tmp_path)
