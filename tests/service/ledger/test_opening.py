"""What was there before the journal opens it, so that every balance derives from it too."""

import shutil
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from services.ledger.app import MIGRATIONS, create_app
from services.ledger.settings import LedgerSettings
from shared.kit.clock import TestClock
from shared.kit.life import CannotStart
from shared.kit.metrics import Metrics
from shared.kit.migrations import migrate
from shared.kit.postgres import EmbeddedPostgres
from tests.house import RememberingBus, eventually, running
from tests.service.ledger.conftest import LedgerUnderTest, catalogue

BEFORE = """
    INSERT INTO cluster VALUES ('hq', '5.0', 7, false, NULL, 'cm1', 5, now()), ('bare', '5.0', 1, false, NULL, NULL, 0, now());
    INSERT INTO pool VALUES ('hq', 'CCM_NODE', 2, 0, 1, 3, false), ('hq', 'PHONE_UNIT', 20, 5, 6, 9, false),
                            ('bare', 'CCM_NODE', 0, 0, 0, 0, false), ('bare', 'PHONE_UNIT', 0, 0, 0, 0, false);
    INSERT INTO node VALUES ('hq', 'cm1', '0015C5F3A1B2', true);
    INSERT INTO license_file VALUES
        ('20260314000000001', 'hq', 1, 'installed', true, false, '1.lic', '0015C5F3A1B2', now(), NULL, NULL, NULL);
    INSERT INTO grant_line (cluster, source, license_file_id, line_id, feature, units, overdraft_units, major, granting) VALUES
        ('hq', 'starter', NULL, 1, 'CCM_NODE', 1, 0, 5, false), ('hq', 'starter', NULL, 2, 'PHONE_UNIT', 50, 0, 5, false),
        ('hq', 'file', '20260314000000001', 1, 'PHONE_UNIT', 20, 5, 5, true),
        ('hq', 'file', '20260314000000001', 2, 'CCM_NODE', 2, 0, 5, true),
        ('hq', 'file', '20260314000000001', 3, 'SW_FEATURE', 1, 0, 5, true);
    INSERT INTO device VALUES ('hq', 'desk', 'phone-5', 5, NULL, now()), ('hq', 'pc', 'soft', 1, 'desk', now());
"""


@pytest.fixture
async def old_url(postgres: EmbeddedPostgres, tmp_path: Path) -> str:
    """A database of the release before the journal, in use."""
    name = f"old_{uuid4().hex[:12]}"
    await postgres.create_database(name)
    older = tmp_path / "migrations"
    older.mkdir()
    for file in ("0001_ledger.py", "0002_handed_over.py"):
        shutil.copy(MIGRATIONS / file, older)
    await migrate(postgres.url(name), "ledger", older)
    engine = create_async_engine(postgres.url(name))
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL search_path = ledger"))
        for statement in BEFORE.split(";\n"):
            if statement.strip():
                await connection.execute(text(statement))
    await engine.dispose()
    return postgres.url(name)


async def test_balances_derive_from_a_journal_that_began_later(old_url: str, bus: RememberingBus, clock: TestClock) -> None:
    await migrate(old_url, "ledger", MIGRATIONS)
    app = create_app(LedgerSettings(database_url=old_url), bus, clock, Metrics())
    async with running(app) as http:
        ledger = LedgerUnderTest(http, bus, app)
        await bus.say(catalogue())
        await ledger.assert_journal()
        told = {(e["kind"], e["source"]) for e in (await http.get("/v1/clusters/hq/journal")).json()["items"]}
        assert told == {(kind, "migration") for kind in ("opening", "cluster", "license_file")}
        live = await ledger.report()
        assert (await http.get("/v1/clusters/hq/unit-report", params={"at": str(live["at"])})).json() == live | {"unmet_demand": None}
        assert (await ledger.put("new", "phone-4")).status_code == 201
        assert (await ledger.put("first", "phone-4", "bare")).status_code == 409
        assert (await ledger.put_node("cm1", "0015C5F3A1B3", "bare")).status_code == 201
        assert (await ledger.delete("pc")).status_code == 204
        await ledger.assert_sums()
        await ledger.assert_journal()


async def test_beside_a_ledger_of_the_release_before_no_journal_begins(old_url: str) -> None:
    """It would write none; with rights of its own it is known by its name."""
    owner = await asyncpg.connect(old_url.replace("+asyncpg", ""))
    role = f"service_{uuid4().hex[:12]}"
    await owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
    settings = {"application_name": "licensing-ledger"}
    older = await asyncpg.connect(old_url.replace("+asyncpg", ""), user=role, password="secret", server_settings=settings)
    with pytest.raises(CannotStart, match=r"is connected.*Stop every ledger"):
        await migrate(old_url, "ledger", MIGRATIONS)
    assert await owner.fetchval("SELECT version_num FROM ledger.schema_version") == "0002"
    await older.close()

    async def gone() -> bool:
        return not await owner.fetchval("SELECT count(*) FROM pg_stat_activity WHERE usename = $1", role)

    await eventually(gone, "the older one is gone")
    await migrate(old_url, "ledger", MIGRATIONS)
    assert await owner.fetchval("SELECT count(*) FROM ledger.journal_entry") > 0
    await owner.execute(f"DROP ROLE {role}")
    await owner.close()


async def test_a_database_whose_pool_is_not_the_sum_of_its_devices_is_not_opened(old_url: str) -> None:
    connection = await asyncpg.connect(old_url.replace("+asyncpg", ""))
    await connection.execute("UPDATE ledger.pool SET used = 7 WHERE cluster = 'hq' AND feature = 'PHONE_UNIT'")
    with pytest.raises(AssertionError, match="the pool says 7 used, its devices hold 6"):
        await migrate(old_url, "ledger", MIGRATIONS)
    assert await connection.fetchval("SELECT version_num FROM ledger.schema_version") == "0002"
    await connection.close()
