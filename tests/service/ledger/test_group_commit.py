"""Check-outs of a cluster are committed together: in two statements, and never told before, whoever else is there."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from services.ledger.actions.settle_batch import Settling, Several
from services.ledger.domain.devices import CheckOut
from services.ledger.domain.transitions import Limits
from services.ledger.store import devices
from services.ledger.store.journal import MANY
from shared.contracts.events.ledger import (
    RequestRefused,
)
from shared.kit.batches import Asked
from shared.kit.direct import Direct
from shared.kit.trace import current_trace
from tests.service.ledger.conftest import LedgerUnderTest


async def test_what_waits_while_a_batch_is_committed_is_one_batch_of_two_statements(ledger: LedgerUnderTest) -> None:
    """However many devices: what a check-out costs the database must not depend on who else is waiting."""
    asked = await _statements_of(ledger, [Several((CheckOut(f"SEP{n}", "phone-1"),)) for n in range(30)])
    assert asked == [
        "WITH concerned AS MATERIALIZED",  # load the pool, the desk and the journal's head
        "WITH locked AS MATERIALIZED (",  # write the holdings, the pool, the journal and its head, and tell of it
    ]
    assert await ledger.pool() == (50, 0, 30, "within")


async def test_a_check_out_that_changes_nothing_writes_nothing(ledger: LedgerUnderTest) -> None:
    await ledger.put("SEP1")
    asked = await _statements_of(ledger, [Several((CheckOut("SEP1", "phone-1"),))])
    assert asked == ["WITH concerned AS MATERIALIZED"]


async def test_whoever_meets_somebody_else_locks_and_counts_anew(ledger: LedgerUnderTest) -> None:
    """The cluster changes between the load and the write of a batch: what it decided upon is gone, and so is its decision."""
    await ledger.install(1, ("PHONE_UNIT", 4, 0))
    load, met = devices.load, 0

    async def meeting(*given: Any) -> devices.Loaded:
        nonlocal met
        met += 1
        loaded = await load(*given)
        if met == 1:
            await ledger.change_file(1, 2, "expired", granting=False)
        return loaded

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "load", meeting)
        refused = await ledger.put("SEP1", "phone-4")
    assert (refused.status_code, refused.json()["authorized"], met) == (409, 0, 2)
    assert await ledger.rows("SELECT * FROM device") == []
    assert (await ledger.bus.hear(RequestRefused))[0].free == 0
    await ledger.assert_journal()


async def test_a_step_on_the_ladder_makes_one_entry_more_and_nothing_is_written_before_the_head_is_ours(ledger: LedgerUnderTest) -> None:
    """So many entries are copied, which by itself would be committed although somebody else was there first."""
    await ledger.install(1, ("PHONE_UNIT", MANY - 10, 100))
    load, met = devices.load, 0

    async def meeting(*given: Any) -> devices.Loaded:
        nonlocal met
        met += 1
        loaded = await load(*given)
        if met == 1 and await _unlocked(ledger):
            await ledger.put_node("cm1", "0015C5F3A1B2")
        return loaded

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "load", meeting)
        await _statements_of(ledger, [Several((CheckOut(f"SEP{n}", "phone-1"),)) for n in range(MANY - 1)])
    assert await ledger.pool() == (MANY - 10, 100, MANY - 1, "overdraft")
    assert await ledger.rows("SELECT count(*) FROM journal_entry WHERE kind = 'ladder'") == [(1,)]
    await ledger.assert_journal()


async def test_what_is_no_transaction_copies_nothing(ledger: LedgerUnderTest) -> None:
    with pytest.raises(AssertionError):
        async with ledger.database.direct(each_by_itself=True) as tx:
            await tx.copy("outbox", ["event_id"], [])


async def test_a_batch_whose_commit_fails_is_told_to_nobody_as_done(ledger: LedgerUnderTest) -> None:
    """A deferred constraint fails with the commit, after every statement went well."""
    async with ledger.database.engine.begin() as connection:
        for statement in (
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'at the commit'; END $$",
            """CREATE CONSTRAINT TRIGGER late AFTER INSERT ON device DEFERRABLE INITIALLY DEFERRED
               FOR EACH ROW WHEN (NEW.device LIKE 'bad%') EXECUTE FUNCTION fail()""",
        ):
            await connection.execute(text(statement))
    many = [{"device": f"bad{n}", "device_type": "cti-port"} for n in range(MANY)]
    bulk = ledger.http.post("/v1/clusters/hq/check-outs", json={"devices": many})
    answers = await asyncio.gather(ledger.put("a"), ledger.put("bad"), ledger.put("b"), bulk)
    assert [answer.status_code for answer in answers] == [201, 500, 201, 500]
    assert await ledger.rows("SELECT device FROM device ORDER BY 1") == [("a",), ("b",)]
    await ledger.assert_sums()
    await ledger.assert_journal()


async def _unlocked(ledger: LedgerUnderTest) -> bool:
    """Could somebody else change the cluster now?"""
    free = "SELECT 1 FROM pool WHERE cluster = 'hq' AND feature = 'PHONE_UNIT' FOR NO KEY UPDATE SKIP LOCKED"
    return bool(await ledger.rows(free))


async def test_what_a_check_out_reads_does_not_grow_with_a_table_that_nobody_analysed(ledger: LedgerUnderTest) -> None:
    """The planner takes such a cluster for a handful of rows, and would rather read it whole than look its devices up."""
    many = [{"device": f"SEP{n:05}", "device_type": "cti-port"} for n in range(3000)]
    assert (await ledger.http.post("/v1/clusters/hq/check-outs", json={"devices": many})).status_code == 200
    async with ledger.database.direct() as tx:
        await tx.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await tx.execute(f"PREPARE load (text, text[], text[], boolean) AS {devices._LOAD}")
        (line,) = await tx.rows("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE load('hq', '{new}', '{phone-1}', false)")
        await tx.execute("DEALLOCATE load")
    (explained,) = line[0]
    assert explained["Plan"]["Shared Hit Blocks"] + explained["Plan"]["Shared Read Blocks"] < 30


async def _statements_of(ledger: LedgerUnderTest, batch: list[Several]) -> list[str]:
    """What one batch asks the database."""
    seen: list[str] = []
    driver_execute, driver_row = Direct.execute, Direct.row

    async def execute(self: Direct, sql: str, *values: object) -> None:
        seen.append(" ".join(sql.split())[:30].strip())
        await driver_execute(self, sql, *values)

    async def row(self: Direct, sql: str, *values: object) -> object:
        seen.append(" ".join(sql.split())[:30].strip())
        return await driver_row(self, sql, *values)

    answers = [asyncio.get_running_loop().create_future() for _ in batch]
    asked = [Asked(one, 1, current_trace(), answer) for one, answer in zip(batch, answers, strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Direct, "execute", execute)
        patch.setattr(Direct, "row", row)
        await Settling(ledger.database, Limits()).settle("hq", asked)
    return seen
