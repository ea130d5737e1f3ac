"""The daily history is what the journal says, whenever it is read; and a forecast is made from it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from services.ledger.store import history
from tests.service.ledger.conftest import LedgerUnderTest

FORECAST = "/v1/clusters/hq/forecast"


async def tick(ledger: LedgerUnderTest) -> None:
    kit = ledger.app.state.kit
    await kit.plan.timers.run_once(kit.database, "keep_history")
    async with ledger.database.engine.begin() as connection:  # in the first minute of a day yesterday is not whole yet
        await connection.execute(text("UPDATE history_mark SET whole_until = now()"))


async def long_ago(ledger: LedgerUnderTest, days: dict[str, int]) -> None:
    """Have it that each of these devices checked out so many days ago, and everything else before the first of them."""
    move = "UPDATE journal_entry SET at = date_trunc('day', now(), 'UTC') - make_interval(days => :ago) WHERE :who IN ('', subject)"
    async with ledger.database.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE journal_entry DISABLE TRIGGER journal_is_append_only"))
        for who, ago in {"": max(days.values()), **days}.items():
            await connection.execute(text(move), {"who": who, "ago": ago})
        await connection.execute(text("ALTER TABLE journal_entry ENABLE TRIGGER journal_is_append_only"))
        await connection.execute(text("TRUNCATE pool_day, history_mark"))  # what the clock may have read meanwhile


async def test_units_that_go_day_by_day_are_gone_on_the_exact_day(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 60, 12))
    for day in range(20, 0, -1):
        assert (await ledger.put(f"d{day}", "phone-1")).status_code == 201
    await long_ago(ledger, {f"d{day}": day for day in range(20, 0, -1)})
    unknown = (await ledger.http.get(FORECAST)).json()
    assert (unknown["outcome"], unknown["days_left"], unknown["history"]) == ("not_enough_history", None, None)
    await tick(ledger)
    found = (await ledger.http.get(FORECAST)).json()
    assert (found["outcome"], found["days_left"], found["low"], found["high"]) == ("running_out", 52.0, 52.0, 52.0)
    assert found["until_overdraft"] == {"days_left": 40.0, "low": 40.0, "high": 40.0}
    assert found["growth_per_day"] == {"median": 1.0, "low": 1.0, "high": 1.0}
    assert (found["history"]["days"], found["free"]) == (20, 52)
    await ledger.install(2, ("PHONE_UNIT", 1000, 0))  # what was bought is no growth of use
    await tick(ledger)
    bought = (await ledger.http.get(FORECAST)).json()
    assert (bought["days_left"], bought["growth_per_day"]["median"]) == (1052.0, 1.0)
    nodes = (await ledger.http.get(FORECAST, params={"feature": "CCM_NODE"})).json()
    assert nodes["outcome"] in {"used_up", "not_running_out"}
    assert (await ledger.http.get("/v1/clusters/nobody/forecast")).status_code == 404
    assert (await ledger.http.get(FORECAST, params={"feature": "SW_FEATURE"})).status_code == 422


async def test_a_young_cluster_has_not_enough_history_and_a_still_one_is_not_running_out(ledger: LedgerUnderTest) -> None:
    await ledger.put("a", "phone-4")
    await long_ago(ledger, {"a": 13})
    await tick(ledger)
    young = (await ledger.http.get(FORECAST)).json()
    assert (young["outcome"], young["history"]["days"], young["needed_days"]) == ("not_enough_history", 13, 14)
    await long_ago(ledger, {"a": 14})
    await tick(ledger)
    still = (await ledger.http.get(FORECAST)).json()
    assert (still["outcome"], still["days_left"], still["high"]) == ("not_running_out", None, None)


@pytest.mark.parametrize("at_once", [1, 3, 100_000])
async def test_the_history_is_the_same_in_whatever_portions_and_however_late_it_is_read(ledger: LedgerUnderTest, at_once: int) -> None:
    for device, kind in (("a", "phone-4"), ("b", "phone-5"), ("c", "phone-1"), ("d", "phone-1")):
        await ledger.put(device, kind)
    await long_ago(ledger, {"a": 30, "b": 9, "c": 9, "d": 2})
    async with ledger.database.transaction() as tx:
        await history.keep(tx, at_once)
    await ledger.delete("b")
    await tick(ledger)
    kept = await ledger.rows("""
        SELECT (now() AT TIME ZONE 'UTC')::date - day, authorized, used FROM pool_day WHERE feature = 'PHONE_UNIT' ORDER BY day
    """)
    assert kept == [(30, 50, 4), (9, 50, 10), (2, 50, 11), (0, 50, 6)]
    assert await ledger.rows("SELECT m.sequence = h.sequence FROM history_mark AS m JOIN journal_head AS h USING (cluster)") == [(True,)]
    async with ledger.database.transaction() as tx:
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        used = await history.used_of(await tx.direct(), "hq", "PHONE_UNIT", yesterday, 5)
    assert sorted(used.values()) == [10, 11]  # what was before the first of the five days, and what happened in them


async def test_a_cluster_without_any_license_has_a_forecast_too(ledger: LedgerUnderTest) -> None:
    await ledger.put_cluster("bare", starter=False)
    for feature in ("PHONE_UNIT", "CCM_NODE"):
        found = await ledger.http.get("/v1/clusters/bare/forecast", params={"feature": feature})
        assert (found.status_code, found.json()["outcome"]) == (200, "not_enough_history")
