"""New devices behind our own last batch are checked out without a look at the cluster, and never otherwise than with one."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from services.ledger.app import create_app
from services.ledger.domain.journal import Pen
from services.ledger.settings import LedgerSettings
from services.ledger.store import devices, remembered
from shared.kit.clock import TestClock
from shared.kit.direct import Direct
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, running
from tests.service.ledger.conftest import LedgerUnderTest, catalogue
from tests.service.ledger.test_ladder import days_pass


@pytest.fixture(autouse=True)
def long_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is slow forgets nothing meanwhile, and an hour between two steps is no reason to doubt what is remembered."""
    monkeypatch.setattr(remembered, "_GOOD_SECONDS", 3600.0)
    for name in ("_WRITE", "_WRITE_ONE"):
        patient = getattr(devices, name).replace("100 milliseconds", "1 hour")
        assert patient != getattr(devices, name)
        monkeypatch.setattr(devices, name, patient)


@contextmanager
def statements() -> Iterator[list[str]]:
    """What the desks ask the database meanwhile: L(oad), W(rite)."""
    seen: list[str] = []
    driver_row = Direct.row

    async def row(self: Direct, sql: str, *values: object) -> object:
        first = sql.split()[1]
        if first in ("concerned", "locked"):
            seen.append("L" if first == "concerned" else "W")
        return await driver_row(self, sql, *values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Direct, "row", row)
        yield seen


async def put(ledger: LedgerUnderTest, device: str, device_type: str = "phone-1", *, asked: str, status: int = 201) -> dict[str, object]:
    """A check-out that takes these statements, and is answered so."""
    with statements() as seen:
        answer = await ledger.put(device, device_type)
    assert (answer.status_code, "".join(seen)) == (status, asked)
    body: dict[str, object] = answer.json()
    return body


async def checked(ledger: LedgerUnderTest, used: int) -> None:
    assert (await ledger.pool())[2] == used
    await ledger.assert_sums()
    await ledger.assert_journal()


async def test_a_new_device_behind_another_takes_one_statement(ledger: LedgerUnderTest) -> None:
    await put(ledger, "a", asked="LW")
    body = await put(ledger, "b", asked="W")
    assert body["pool"] == {**body["pool"], "used": 2, "remaining": 48}  # type: ignore[dict-item]
    with statements() as seen:
        answers = await asyncio.gather(*(ledger.put(f"c{n}") for n in range(9)))
    assert ({answer.status_code for answer in answers}, "L" in seen) == ({201}, False)
    await checked(ledger, 11)


async def test_a_type_that_was_not_looked_up_is_and_then_both_are_known(ledger: LedgerUnderTest) -> None:
    await put(ledger, "a", asked="LW")
    await put(ledger, "b", "phone-4", asked="LW")
    await put(ledger, "c", asked="W")
    await put(ledger, "d", "phone-4", asked="W")
    await checked(ledger, 10)


async def test_a_device_that_is_not_new_is_found(ledger: LedgerUnderTest) -> None:
    """The one that is known is looked up again for some batches: where one is known, more are."""
    await put(ledger, "a", "phone-1", asked="LW")
    await put(ledger, "b", "phone-4", asked="LW")
    await put(ledger, "a", "phone-4", asked="WLW", status=200)  # re-priced
    await put(ledger, "c", asked="LW")
    await put(ledger, "d", asked="LW")
    await put(ledger, "a", "phone-4", asked="L", status=200)  # nothing changes
    await checked(ledger, 10)


async def test_a_cluster_that_was_changed_meanwhile_is_seen(
    ledger: LedgerUnderTest, database_url: str, bus: RememberingBus, clock: TestClock
) -> None:
    """By another instance: its check-outs, and what it heard of license files."""
    app = create_app(LedgerSettings(database_url=database_url), bus, clock, Metrics())
    async with running(app) as http:
        second = LedgerUnderTest(http, bus, app)
        await put(ledger, "a", asked="LW")
        assert (await second.put("b")).status_code == 201
        body = await put(ledger, "c", asked="WLW")
        assert body["pool"] == {**body["pool"], "used": 3}  # type: ignore[dict-item]
    await checked(ledger, 3)


async def test_units_that_are_gone_are_not_given(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 2, 0))
    await put(ledger, "a", asked="LW")
    await ledger.change_file(1, 2, "expired", granting=False)
    await put(ledger, "b", asked="WLL", status=409)
    await checked(ledger, 1)
    assert len(await ledger.rows("SELECT device_type FROM unmet_demand")) == 1


async def test_a_refusal_is_decided_upon_what_is_there(ledger: LedgerUnderTest) -> None:
    """What was remembered says that there are none left, and there are by now."""
    await ledger.install(1, ("PHONE_UNIT", 1, 0))
    await put(ledger, "a", asked="LW")
    await ledger.install(2, ("PHONE_UNIT", 1, 0))
    await put(ledger, "b", asked="LW")
    await checked(ledger, 2)


async def test_an_overdraft_that_begins_and_that_comes_to_its_end_meanwhile_is_seen(ledger: LedgerUnderTest) -> None:
    await ledger.put_cluster(overdraft_policy={"stop_after_days": 60})
    await ledger.install(1, ("PHONE_UNIT", 2, 9))
    await put(ledger, "a", asked="LW")
    await put(ledger, "b", asked="W")
    body = await put(ledger, "c", asked="W")
    assert body["pool"] == {**body["pool"], "stage": "notice"}  # type: ignore[dict-item]
    body = await put(ledger, "d", asked="W")
    assert body["pool"] == {**body["pool"], "stage": "notice", "used": 4}  # type: ignore[dict-item]
    await days_pass(ledger, 60)
    await put(ledger, "e", asked="WLL", status=409)
    await checked(ledger, 4)


async def test_a_policy_that_narrows_meanwhile_is_seen(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 1, 9))
    await put(ledger, "a", asked="LW")
    await ledger.put_cluster(overdraft_policy={"allowance_units": 0})
    await put(ledger, "b", asked="WLL", status=409)
    await checked(ledger, 1)


async def test_an_exempt_device_is_admitted_only_by_what_all_of_them_hold(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 2, 0))
    await put(ledger, "a", asked="LW")
    await put(ledger, "b", asked="W")
    for device, status in (("sos", 201), ("sos2", 409)):
        with statements() as seen:
            assert (await ledger.put(device, device_class="emergency")).status_code == status
        assert seen[0] == "L"
    await checked(ledger, 3)


async def test_a_price_that_changed_is_the_new_one(ledger: LedgerUnderTest) -> None:
    """No journal tells of the catalogue."""
    await put(ledger, "a", "phone-4", asked="LW")
    await ledger.bus.say(catalogue(2, phone_4=7))
    body = await put(ledger, "b", "phone-4", asked="WLW")
    assert body["units"] == 7
    await checked(ledger, 11)


async def test_a_head_of_the_same_number_is_not_the_same_head(ledger: LedgerUnderTest) -> None:
    """A database that was put back to an earlier state went on without us."""
    await put(ledger, "a", asked="LW")
    async with ledger.database.engine.begin() as connection:
        await connection.execute(text("UPDATE journal_head SET hash = decode(repeat('ab', 32), 'hex')"))
    await put(ledger, "b", asked="WLW")
    assert (await ledger.pool())[2] == 2


async def test_a_time_that_was_set_meanwhile_is_asked_anew(ledger: LedgerUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was reckoned is behind the database's clock: no entry may be dated before a report that has been made without it."""
    await put(ledger, "a", asked="LW")
    told = datetime.fromisoformat(str((await ledger.report())["at"]))
    monkeypatch.setattr(remembered, "Pen", lambda cluster, head, now: Pen(cluster, head, now - timedelta(hours=2)))
    await put(ledger, "b", asked="WLW")
    assert await _head_at(ledger) > told


async def test_an_entry_is_dated_behind_every_report_that_was_made_without_it(ledger: LedgerUnderTest) -> None:
    await put(ledger, "a", asked="LW")
    for number in range(20):
        told = datetime.fromisoformat(str((await ledger.report())["at"]))
        await put(ledger, f"b{number}", asked="W")
        assert await _head_at(ledger) > told


async def _head_at(ledger: LedgerUnderTest) -> datetime:
    ((at,),) = await ledger.rows("SELECT at FROM journal_head WHERE cluster = 'hq'")
    assert isinstance(at, datetime)
    return at
