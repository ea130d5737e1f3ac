"""The desk under test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, running
from tests.service.registration.desk import CALLER, Desk, desk_app
from tests.service.registration.mail_room import MailRoom, Open, mail_room


@pytest.fixture
async def desk(database_url: str, tmp_path: Path, bus: RememberingBus, clock: TestClock, metrics: Metrics) -> AsyncIterator[Desk]:
    async with running(desk_app(database_url, tmp_path, bus, clock, metrics)) as client:
        client.headers.update(CALLER)
        yield Desk(client, tmp_path)


@pytest.fixture
async def room() -> AsyncIterator[MailRoom]:
    async with mail_room() as opened:
        yield opened


@pytest.fixture
def opened(database_url: str, tmp_path: Path, bus: RememberingBus, clock: TestClock, metrics: Metrics) -> Open:
    @asynccontextmanager
    async def open_desk(**changes: Any) -> AsyncIterator[Desk]:
        async with running(desk_app(database_url, tmp_path, bus, clock, metrics, **changes)) as client:
            client.headers.update(CALLER)
            yield Desk(client, tmp_path)

    return open_desk
