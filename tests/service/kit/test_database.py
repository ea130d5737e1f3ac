"""The database's connections: none outlives the database, whoever still held it."""

from shared.kit.clock import TestClock
from shared.kit.database import Database
from shared.kit.settings import ServiceSettings


async def test_a_connection_that_nobody_gave_back_is_closed_with_the_database(database_url: str, clock: TestClock) -> None:
    database = Database(ServiceSettings(database_url=database_url), "toy", clock)
    held = await database.engine.connect()
    driver = (await held.get_raw_connection()).driver_connection
    assert driver is not None
    await database.close()
    assert driver.is_closed()
    await held.close()
