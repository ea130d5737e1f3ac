"""One installation for the whole suite, and the table at its end."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.debian import NotInstalled, missing
from tests.faults.production import Production, administrator, production
from tests.faults.table import Table
from tests.faults.trial import Stage
from tests.rabbitmq import programs

SETTINGS = {
    "LICENSING_HEARTBEAT_SECONDS": "1",
    "LICENSING_MISSED_HEARTBEATS": "3",
    "LICENSING_WATCH_SECONDS": "0.5",
}
BROKEN = (
    "ledger-1→database",
    "ledger-1→broker",
    "alarms→database",
    "alarms→broker",
    "gateway→ledger-1",
)
_TABLE = pytest.StashKey[Table]()


@pytest.fixture(scope="session")
async def installation() -> AsyncIterator[Production]:
    """Two ledgers and one of everything else."""
    try:
        programs()
    except NotInstalled as reason:
        missing(reason)
    async with production(SETTINGS, ledgers=2, broken=BROKEN, small_disk=True) as made:
        yield made


@pytest.fixture(scope="session")
async def stage(installation: Production, table: Table) -> AsyncIterator[Stage]:
    """The installation with its clusters."""
    async with administrator(installation) as product:
        made = Stage(installation, product, table)
        await made.prepare()
        yield made


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    made = request.config.stash.setdefault(_TABLE, Table())
    yield made
    made.write()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table for people, behind pytest's own words."""
    found = config.stash.get(_TABLE, None)
    if found is not None and found.rows:
        terminalreporter.write_sep("-", "faults of real life")
        terminalreporter.write_line(found.text())
