"""What an inventory does not tell of: leases, signs of life, demand, steps that fail; and texts that come in pieces."""

import pytest

from services.ledger.actions import go_on
from services.ledger.domain.desk import Desk, Holding, Price, Provisioning
from services.ledger.domain.devices import Counter
from services.ledger.domain.pool import PHONE_UNIT, Pool
from services.ledger.domain.reconciliation import Applying, Difference
from services.ledger.routes import inventory_text
from services.ledger.routes.inventory_text import lines_of
from services.ledger.store import reconciliations
from shared.contracts.events.ledger import RequestRefused
from shared.kit.trace import Trace
from tests.service.ledger.conftest import LedgerUnderTest, catalogue
from tests.service.ledger.reconciling import ROOT, do, listed, send

LEASES = "SELECT device, device_type, units, adjunct_of, lease_seconds FROM device ORDER BY device"


async def test_leases_are_those_that_they_were_after_it_was_applied_and_after_it_was_taken_back(ledger: LedgerUnderTest) -> None:
    await ledger.put("wrong", "phone-1", lease_seconds=3600)
    await ledger.put("rated", "phone-5", lease_seconds=60)
    await ledger.put("gone", "phone-4")
    await ledger.put("pc", "soft", adjunct_of="gone", lease_seconds=600)
    await ledger.bus.say(catalogue(2, phone_5=2))
    before = await ledger.rows(LEASES)
    one = await send(ledger, {"wrong": "phone-4", "rated": "phone-5", "pc": "soft"}, dry_run=False)
    assert one["outcomes"] == {"applied": 4}
    assert await ledger.rows("SELECT device, units, lease_seconds FROM device ORDER BY device") == [
        *[("pc", 3, 600), ("rated", 2, 60), ("wrong", 4, 3600)],
    ]
    assert (await do(ledger, "revert", one))["outcomes"] == {"reverted": 4}
    assert await ledger.rows(LEASES) == before


async def test_who_was_heard_since_the_inventory_came_is_no_ghost(ledger: LedgerUnderTest) -> None:
    await ledger.put("silent", "phone-4", lease_seconds=3600)
    await ledger.put("here", "phone-4", lease_seconds=3600)
    one = await send(ledger, {"other": "phone-1"})
    assert (await ledger.put("here", "phone-4", lease_seconds=3600)).status_code == 200
    assert (await do(ledger, "apply", one))["outcomes"] == {"applied": 2, "changed": 1}
    assert await ledger.rows("SELECT device FROM device ORDER BY device") == [("here",), ("other",)]


async def test_what_an_inventory_is_refused_is_unmet_demand_with_its_ways_out(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 9, 0))
    await ledger.put("here", "phone-4")
    await ledger.put("old", "phone-4")
    await ledger.put("pc", "soft", adjunct_of="old")
    await ledger.bus.say(catalogue(2, soft=8))
    one = await send(ledger, {"here": "phone-4", "pc": "soft", "new": "phone-1"}, dry_run=False)
    assert one["outcomes"] == {"refused": 3}
    ways = [str(d["problem"]) for d in await listed(ledger, one) if d["device"] == "new"]
    assert "Order at least 1 more unit" in ways[0]
    lacking = (await ledger.report())["unmet_demand"]
    assert isinstance(lacking, list)
    assert [(u["device_type"], u["devices"], u["units"]) for u in lacking] == [("phone-1", 1, 1)]  # the other is an adjunct still
    assert {told.name for told in await ledger.bus.hear(RequestRefused, 2)} == {"pc", "new"}  # the one that lacks units, not the ghost


async def test_an_inventory_whose_process_ended_while_it_came_is_forgotten_at_last(ledger: LedgerUnderTest) -> None:
    async with ledger.database.direct() as tx:
        for name in ("broken-off", "coming"):
            await ledger.put_cluster(name)
            await reconciliations.begin(tx, name, name, Trace("0" * 32, "a test", "http"), dry_run=True)
            await reconciliations.add_lines(tx, name, [(1, "a", "phone-1", None)])
        await tx.execute("UPDATE reconciliation SET changed_at = changed_at - interval '31 days' WHERE cluster = 'broken-off'")
        await tx.execute("UPDATE reconciliation SET created_at = created_at - interval '31 days'")
        await reconciliations.forget(tx, 30, 20)
    assert await ledger.rows("SELECT reconciliation_id FROM inventory_line") == [("coming",)]


def test_of_many_refusals_none_keeps_the_frames_in_which_it_was_raised() -> None:
    """A hundred thousand of them took half a gigabyte."""
    desk = Desk(Pool(PHONE_UNIT), {}, {"phone-1": Price(1, None)}, Provisioning(5, 5))
    fold = Applying(Counter(desk))
    missing = [Difference("missing", n, f"d{n}", None, Holding(f"d{n}", "phone-1", 1)) for n in range(3)]
    assert list(fold.run(missing)) == [1, 2, 3]
    assert [(one.device, one.refusal.__traceback__) for one in fold.refused] == [("d0", None), ("d1", None), ("d2", None)]
    assert [result.error.__traceback__ for result in fold.results if result.error] == [None] * 3


async def test_one_that_could_not_be_taken_back_is_applied_still(ledger: LedgerUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await send(ledger, {"a": "phone-1"}, dry_run=False)

    async def fail(*_: object) -> None:
        raise RuntimeError("a test says so")

    with monkeypatch.context() as patched:
        patched.setattr(go_on, "revert_differences", fail)
        for _ in range(5):
            await ledger.http.post(f"{ROOT}/{one['reconciliation_id']}/revert")
    found = (await ledger.http.get(f"{ROOT}/{one['reconciliation_id']}")).json()
    assert (found["state"], found["failure"]) == ("applied", "After 5 attempts: RuntimeError. The log of the ledger says more.")
    assert await ledger.rows("SELECT device FROM device") == [("a",)]
    reverted = await do(ledger, "revert", one)
    assert (reverted["state"], reverted["failure"]) == ("reverted", None)
    assert await ledger.rows("SELECT device FROM device") == []


async def test_however_json_is_cut_the_same_is_read() -> None:
    text = b'[{"device": "a", "device_type": "b"}, 12,  {"device": "c", "device_type": "d"} ]'

    async def read(size: int) -> list[object]:
        async def pieces() -> object:
            for at in range(0, len(text), size):
                yield text[at : at + size]

        return [line async for lines in lines_of(pieces(), "application/json") for line in lines]  # type: ignore[arg-type]

    whole = await read(len(text))
    assert [(line[1], line[2]) for line in whole] == [("a", "b"), (None, None), ("c", "d")]  # type: ignore[index]
    for size in range(1, 20):
        assert await read(size) == whole


def test_space_between_devices_is_looked_through_once_and_not_gathered() -> None:
    reading = inventory_text._Json()
    assert [list(reading.read(piece, last=False)) for piece in ("[", " " * 9_000, ",", " " * 9_000)] == [[]] * 4
    assert len(reading._text) < 10
