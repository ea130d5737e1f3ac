"""Leases: renewed by being put again, taken back after their lapse, and never for a time in which nobody listened."""

from collections.abc import Mapping

import pytest

from services.ledger.actions.settle_batch import Several
from services.ledger.app import create_app
from services.ledger.domain.devices import CheckOut, Lapse
from services.ledger.settings import LedgerSettings
from shared.contracts.events.ledger import PoolChanged
from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, eventually, running
from tests.service.ledger.conftest import LedgerUnderTest, catalogue

HOUR = 3600


async def run(ledger: LedgerUnderTest, timer: str) -> None:
    kit = ledger.app.state.kit
    await kit.plan.timers.run_once(kit.database, timer)


async def change(ledger: LedgerUnderTest, sql: str) -> None:
    async with ledger.database.direct() as tx:
        await tx.execute(sql)


async def pass_time(ledger: LedgerUnderTest, seconds: int, *, listening: bool = True) -> None:
    """The database's time goes on, which is all its notes growing old; while somebody listens the clock of the leases has ticked."""
    by = f"interval '{seconds} seconds'"
    await change(ledger, f"UPDATE device SET seen_at = seen_at - {by}, lease_ends_at = lease_ends_at - {by}")
    ticked = "" if listening else f", ticked_at = ticked_at - {by}"
    await change(ledger, f"UPDATE lease_clock SET runs_from = runs_from - {by}{ticked}")
    await run(ledger, "tick_leases")


async def reclaimed(ledger: LedgerUnderTest, cluster: str = "hq") -> dict[object, object]:
    """What the timer took back just now or before, with the reasons."""
    await run(ledger, "reclaim_lapsed")
    asked = f"SELECT subject, reason FROM journal_entry WHERE cluster = '{cluster}' AND kind = 'reclaim' ORDER BY sequence"
    return {row[0]: row[1] for row in await ledger.rows(asked)}


async def shown(ledger: LedgerUnderTest, device: str) -> Mapping[str, str | None]:
    answer = await ledger.http.get(f"/v1/clusters/hq/devices/{device}")
    assert answer.status_code == 200, answer.text
    body: dict[str, str | None] = answer.json()
    return body


async def journal_and_version(ledger: LedgerUnderTest) -> list[tuple[object, ...]]:
    return await ledger.rows("SELECT h.sequence, p.version FROM journal_head h JOIN pool p USING (cluster) WHERE feature = 'PHONE_UNIT'")


async def test_a_lease_that_is_not_renewed_gives_its_units_back_and_the_device_may_return(ledger: LedgerUnderTest) -> None:
    assert (await ledger.put("desk", "phone-4", lease_seconds=HOUR)).status_code == 201
    await ledger.put("fixed", "phone-5")
    await pass_time(ledger, HOUR - 60)
    assert await reclaimed(ledger) == {}
    await pass_time(ledger, 120)
    assert await reclaimed(ledger) == {"desk": "lease lapsed: not heard from for 3600 s"}
    assert await ledger.pool() == (50, 0, 5, "within")
    ((source, caller),) = await ledger.rows("SELECT source, caller FROM journal_entry WHERE kind = 'reclaim'")
    assert (source, caller) == ("timer", "ledger timer")
    assert (await ledger.put("desk", "phone-4", lease_seconds=HOUR)).status_code == 201
    assert (await ledger.http.get("/v1/clusters/hq/journal/verification")).json()["intact"]
    await ledger.assert_sums()


async def test_a_device_that_returns_may_be_refused(ledger: LedgerUnderTest) -> None:
    await ledger.put("desk", "phone-5", lease_seconds=60)
    await pass_time(ledger, 61)
    assert set(await reclaimed(ledger)) == {"desk"}
    for n in range(10):
        await ledger.put(f"d{n}", "phone-5")
    assert (await ledger.put("desk", "phone-5", lease_seconds=60)).status_code == 409


async def test_a_renewal_is_no_change_of_units(ledger: LedgerUnderTest) -> None:
    await ledger.put("desk", lease_seconds=HOUR)
    before, ends_at = await journal_and_version(ledger), (await shown(ledger, "desk"))["lease_ends_at"]
    await pass_time(ledger, HOUR - 60)
    assert (await ledger.put("desk", lease_seconds=HOUR)).status_code == 200
    body = {"devices": [{"device": "desk", "device_type": "phone-1", "lease_seconds": HOUR}]}
    assert (await ledger.http.post("/v1/clusters/hq/check-outs", json=body)).json()["results"][0]["outcome"] == "unchanged"
    assert ends_at is not None
    assert str((await shown(ledger, "desk"))["lease_ends_at"]) > ends_at
    await pass_time(ledger, 120)
    assert await reclaimed(ledger) == {}
    assert await journal_and_version(ledger) == before


async def test_a_bulk_of_leases_lapses_in_one_batch(ledger: LedgerUnderTest) -> None:
    await ledger.put_cluster("big", starter=False)
    await ledger.install(1, ("PHONE_UNIT", 2000, 0), cluster="big")
    devices = [{"device": f"d{n}", "device_type": "phone-1", "lease_seconds": 60 if n % 2 else None} for n in range(1200)]
    assert (await ledger.http.post("/v1/clusters/big/check-outs", json={"devices": devices})).json()["checked_out"] == 1200
    ((version,),) = await ledger.rows("SELECT version FROM pool WHERE cluster = 'big' AND feature = 'PHONE_UNIT'")
    await pass_time(ledger, 61)
    assert len(await reclaimed(ledger, "big")) == 600
    assert await ledger.pool(cluster="big") == (2000, 0, 600, "within")
    told = [fact for fact in await ledger.bus.hear(PoolChanged) if fact.cluster == "big" and fact.version > int(str(version))]

    async def heard() -> list[int]:
        return [f.used for f in ledger.bus.heard(PoolChanged) if f.cluster == "big" and f.version > int(str(version))]

    assert await eventually(heard, "the lapse is told") == [600], told
    await ledger.assert_sums()


async def test_put_without_a_lease_ends_it_and_put_with_one_begins_it(ledger: LedgerUnderTest) -> None:
    await ledger.put("was", lease_seconds=60)
    await ledger.put("is")
    assert (await ledger.put("was")).status_code == 200
    assert (await ledger.put("is", lease_seconds=60)).status_code == 200
    assert (await shown(ledger, "was"))["lease_ends_at"] is None
    await pass_time(ledger, 61)
    assert set(await reclaimed(ledger)) == {"is"}


async def test_a_refused_call_is_a_sign_of_life(ledger: LedgerUnderTest) -> None:
    await ledger.put_cluster("full", starter=False)
    await ledger.install(1, ("PHONE_UNIT", 4, 0), cluster="full")
    await ledger.put("desk", "phone-4", "full", lease_seconds=60)
    await ledger.bus.say(catalogue(2, phone_4=9))
    await pass_time(ledger, 61)
    assert (await ledger.put("desk", "phone-4", "full", lease_seconds=HOUR)).status_code == 409
    assert await reclaimed(ledger, "full") == {}
    assert await ledger.rows("SELECT lease_seconds, lease_ends_at > now() FROM device") == [(60, True)]


async def test_who_is_heard_in_the_batch_that_would_take_its_units_back_keeps_them(ledger: LedgerUnderTest) -> None:
    await ledger.put("desk", lease_seconds=60)
    await pass_time(ledger, 61)
    together = Several([Lapse("desk"), CheckOut("desk", "phone-1", None, 60), Lapse("desk")])
    settled = await ledger.app.state.desks.ask("hq", together)
    assert [done.outcome for done in settled.outcomes] == ["unchanged"] * 3
    assert await reclaimed(ledger) == {}


async def test_a_primary_that_lapses_takes_its_adjuncts_along(ledger: LedgerUnderTest) -> None:
    await ledger.put("desk", "phone-4", lease_seconds=60)
    await ledger.put("pc", "soft", adjunct_of="desk", lease_seconds=HOUR)
    await ledger.put("tablet", "soft", adjunct_of="desk")
    ((before,),) = await ledger.rows("SELECT version FROM pool WHERE cluster = 'hq' AND feature = 'PHONE_UNIT'")
    await pass_time(ledger, 61)
    of_primary = "lease of its primary desk lapsed"
    assert await reclaimed(ledger) == {"pc": of_primary, "tablet": of_primary, "desk": "lease lapsed: not heard from for 60 s"}
    assert await ledger.rows("SELECT used, version FROM pool WHERE cluster = 'hq' AND feature = 'PHONE_UNIT'") == [
        (0, int(str(before)) + 1)
    ]
    assert (await ledger.http.get("/v1/clusters/hq/journal/verification")).json()["intact"]
    await ledger.assert_sums()


async def test_after_a_time_without_a_ledger_every_lease_begins_anew(ledger: LedgerUnderTest) -> None:
    await ledger.put("short", lease_seconds=60)
    await ledger.put("long", lease_seconds=HOUR)
    await pass_time(ledger, 2 * HOUR, listening=False)
    assert await reclaimed(ledger) == {}
    (seen,) = {(await shown(ledger, "long"))["lease_ends_at"]}
    assert await ledger.rows(f"SELECT runs_from + interval '1 hour' = '{seen}' FROM lease_clock") == [(True,)]
    await pass_time(ledger, 61)
    assert set(await reclaimed(ledger)) == {"short"}
    await pass_time(ledger, HOUR)
    assert set(await reclaimed(ledger)) == {"short", "long"}


@pytest.mark.parametrize("jump", [2 * HOUR, -2 * HOUR])
async def test_a_time_that_is_set_takes_nothing_back(ledger: LedgerUnderTest, jump: int) -> None:
    """Before the clock of the leases ticked it says what it said; afterwards every lease begins anew."""
    await ledger.put("desk", lease_seconds=60)
    by = f"interval '{jump} seconds'"
    await change(ledger, f"UPDATE device SET seen_at = seen_at - {by}, lease_ends_at = lease_ends_at - {by}")
    await change(ledger, f"UPDATE lease_clock SET runs_from = runs_from - {by}, ticked_at = ticked_at - {by}")
    assert await reclaimed(ledger) == {}
    await run(ledger, "tick_leases")
    assert await reclaimed(ledger) == {}


async def test_a_lease_that_lapsed_is_reclaimed_without_being_asked(
    database_url: str, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    settings = LedgerSettings(database_url=database_url, lease_look_seconds=0.05)
    app = create_app(settings, bus, clock, metrics)
    async with running(app) as http:
        ledger = LedgerUnderTest(http, bus, app)
        await bus.say(catalogue())
        await ledger.put_cluster()
        await ledger.put("desk", lease_seconds=1)

        async def gone() -> bool:
            return (await http.get("/v1/clusters/hq/devices/desk")).status_code == 404

        await eventually(gone, "the lease lapses")
        await ledger.assert_sums()


@pytest.mark.parametrize("seconds", [0, -1, 31_536_001, 10**30, 60.5, "60", True])
async def test_a_lease_has_bounds(ledger: LedgerUnderTest, seconds: object) -> None:
    assert (await ledger.put("desk", lease_seconds=seconds)).status_code == 422
    body = {"devices": [{"device": "desk", "device_type": "phone-1", "lease_seconds": seconds}]}
    assert (await ledger.http.post("/v1/clusters/hq/check-outs", json=body)).status_code == 422
    assert await ledger.rows("SELECT * FROM device") == []


async def test_a_sign_of_life_is_written_when_the_last_is_old(ledger: LedgerUnderTest) -> None:
    await ledger.put("desk")

    async def row_and_moment() -> list[tuple[object, ...]]:
        return await ledger.rows("SELECT xmin::text, seen_at FROM device")

    first = await row_and_moment()
    assert (await ledger.put("desk")).status_code == 200
    assert await row_and_moment() == first
    await pass_time(ledger, 600)
    old = await row_and_moment()
    head = await journal_and_version(ledger)
    assert (await ledger.put("desk")).status_code == 200
    assert str((await row_and_moment())[0][1]) > str(old[0][1])
    assert await journal_and_version(ledger) == head
