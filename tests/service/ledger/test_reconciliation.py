"""A cluster's inventory against the ledger: compared, applied in one batch, and taken back."""

import asyncio

import pytest

from services.ledger.actions import go_on
from services.ledger.app import create_app
from services.ledger.settings import LedgerSettings
from services.ledger.store import reconciliations
from shared.contracts.events.ledger import PoolChanged, RequestRefused
from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, eventually, running
from tests.service.ledger.conftest import LedgerUnderTest
from tests.service.ledger.reconciling import ROOT, STATE, busy_cluster, do, journal_is_intact, listed, send, send_text


async def test_a_dry_run_tells_every_difference_with_its_units_and_changes_nothing(ledger: LedgerUnderTest) -> None:
    inventory = await busy_cluster(ledger)
    before, entries = await ledger.rows(STATE), await ledger.rows("SELECT * FROM journal_head ORDER BY cluster")
    one = await send(ledger, inventory)
    assert one["state"] == "compared"
    assert one["progress"] == {"done": 7, "total": 7}
    assert one["differences"] == {
        "missing": {"devices": 1, "units": 1},
        "ghost": {"devices": 2, "units": 6},
        "wrong_type": {"devices": 1, "units": 5},
        "elsewhere": {"devices": 1, "units": 4},
        "re_price": {"devices": 2, "units": 4},
    }
    assert (one["problems"], one["units_change"]) == (1, 1 - 6 + 4 + (2 - 3) + (2 - 1))
    found = await listed(ledger, one)
    assert [(d["kind"], d["device"], d["line"]) for d in found] == [
        *[("elsewhere", "double", 3), ("ghost", "ghost", None), ("ghost", "old-pc", None), ("missing", "new", 6)],
        *[("problem", "odd", 7), ("re_price", "pc", 5), ("re_price", "rated", 4), ("wrong_type", "wrong", 2)],
    ]
    assert found[4]["problem"] == {"type": "urn:licensing:problem:unknown-device-type", "detail": "fax is not in the catalogue"}
    assert found[0]["other_cluster"] == "branch"
    assert [d["device"] for d in await listed(ledger, one, kind="ghost")] == ["ghost", "old-pc"]
    assert await ledger.rows(STATE) == before
    assert await ledger.rows("SELECT * FROM journal_head ORDER BY cluster") == entries
    assert await ledger.rows("SELECT * FROM inventory_line") == []


async def test_applied_it_is_one_change_of_the_pool_and_reverted_everything_is_as_it_was(ledger: LedgerUnderTest) -> None:
    one = await send(ledger, await busy_cluster(ledger))
    before, pool = await ledger.rows(STATE), await ledger.pool()
    told = len(ledger.bus.heard(PoolChanged))
    applied = await do(ledger, "apply", one)
    assert (applied["state"], applied["outcomes"]) == ("applied", {"applied": 6})
    held = await ledger.rows("SELECT device, device_type, units, adjunct_of FROM device WHERE cluster = 'hq' ORDER BY device")
    assert held == [
        *[("double", "phone-4", 4, None), ("new", "phone-1", 1, None), ("pc", "soft", 2, None)],
        *[("rated", "soft", 2, None), ("right", "phone-4", 4, None), ("wrong", "phone-5", 5, None)],
    ]
    assert len(await ledger.bus.hear(PoolChanged, told + 1)) == told + 1
    written = await ledger.rows("SELECT kind, reason, caller, source FROM journal_entry WHERE kind = 'reconcile'")
    assert set(written) == {("reconcile", f"reconciliation {one['reconciliation_id']}", "nobody", "http")}
    assert (await do(ledger, "apply", one))["state"] == "applied"
    assert len(await ledger.rows("SELECT * FROM journal_entry WHERE kind = 'reconcile'")) == len(written)
    reverted = await do(ledger, "revert", one)
    assert (reverted["state"], reverted["outcomes"]) == ("reverted", {"reverted": 6})
    assert await ledger.rows(STATE) == before
    assert await ledger.pool() == pool
    assert (await do(ledger, "revert", one))["state"] == "reverted"
    answer = await ledger.http.post(f"{ROOT}/{one['reconciliation_id']}/apply")
    assert (answer.status_code, answer.json()["state"]) == (409, "reverted")
    await ledger.assert_sums()
    assert await journal_is_intact(ledger)


async def test_the_lease_and_the_class_of_a_device_are_no_business_of_an_inventory(ledger: LedgerUnderTest) -> None:
    await ledger.put("main", "phone-5")
    await ledger.put("sos", "phone-1", lease_seconds=600, device_class="emergency")
    await ledger.put("side", "soft", adjunct_of="main", lease_seconds=700, device_class="attendant")
    kept = "SELECT device, device_class, lease_seconds FROM device WHERE device <> 'main' ORDER BY device"
    before = await ledger.rows(kept)
    one = await send(ledger, {"sos": "phone-4", "side": "soft"}, dry_run=False)  # main is a ghost, so side stands alone
    assert (one["state"], one["outcomes"]) == ("applied", {"applied": 3})
    assert await ledger.rows(kept) == before == [("side", "attendant", 700), ("sos", "emergency", 600)]
    assert (await do(ledger, "revert", one))["state"] == "reverted"
    assert await ledger.rows(kept) == before
    await ledger.assert_sums()


async def test_missing_devices_are_admitted_as_far_as_units_allow_and_the_rest_is_told_with_the_refusal(ledger: LedgerUnderTest) -> None:
    await ledger.put("gone", "phone-5")
    one = await send(ledger, {f"d{n:02}": "phone-4" for n in range(14)}, dry_run=False)
    assert (one["state"], one["outcomes"]) == ("applied", {"applied": 13, "refused": 2})
    assert await ledger.pool() == (50, 0, 48, "within")
    refused = [d for d in await listed(ledger, one, kind="missing") if d["outcome"] == "refused"]
    assert [d["device"] for d in refused] == ["d12", "d13"]
    assert str(refused[0]["problem"]).startswith("{'type': 'urn:licensing:problem:units-exhausted', 'detail': 'PHONE_UNIT: 4 asked")
    (told,) = await ledger.bus.hear(RequestRefused)
    assert (told.name, told.asked, told.free, told.count) == ("d12", 4, 2, 2)


async def test_what_changed_since_is_left_and_listed(ledger: LedgerUnderTest) -> None:
    for name in ("stays", "returns", "goes"):
        await ledger.put(name, "phone-4")
    one = await send(ledger, {"late": "phone-1", "later": "phone-1"})
    await ledger.delete("returns")
    await ledger.put("returns", "phone-4")
    await ledger.put("late", "phone-1")
    await ledger.put("later", "phone-5")
    applied = await do(ledger, "apply", one)
    assert applied["outcomes"] == {"applied": 2, "changed": 2, "unchanged": 1}
    assert [d["outcome"] for d in await listed(ledger, one)] == ["applied", "changed", "applied", "unchanged", "changed"]
    await ledger.put("goes", "phone-1")  # back, and another
    reverted = await do(ledger, "revert", one)
    assert reverted["outcomes"] == {"changed": 2, "unchanged": 1, "reverted": 1, "left": 1}
    assert await ledger.rows("SELECT device, units FROM device ORDER BY 1") == [
        *[("goes", 1), ("late", 1), ("later", 5), ("returns", 4), ("stays", 4)],
    ]
    await ledger.assert_sums()


async def test_one_inventory_at_a_time_and_not_in_every_state(ledger: LedgerUnderTest) -> None:
    one = await send(ledger, {"a": "phone-1"})
    answer = await ledger.http.post(f"{ROOT}/{one['reconciliation_id']}/revert")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:licensing:problem:reconciliation-conflict")
    assert (await ledger.http.post(f"{ROOT}/nonsense/apply")).status_code == 404
    await ledger.put_cluster("branch")
    assert (await ledger.http.post(f"/v1/clusters/branch/reconciliations/{one['reconciliation_id']}/apply")).status_code == 404
    halted = asyncio.Event()

    async def slowly() -> object:
        yield b"device,device_type\na,phone-1\n"
        await halted.wait()

    upload = asyncio.create_task(ledger.http.post(ROOT, content=slowly(), headers={"content-type": "text/csv"}))  # type: ignore[arg-type]
    asked = "SELECT reconciliation_id FROM reconciliation WHERE state = 'receiving'"
    await eventually(lambda: ledger.rows(asked), "an inventory is received")
    for path in (ROOT, f"{ROOT}/{one['reconciliation_id']}/apply"):
        answer = await ledger.http.post(path, content=b"device,device_type\na,phone-1\n", headers={"content-type": "text/csv"})
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:licensing:problem:reconciliation-under-way")
        assert answer.json()["state"] == "receiving"
    upload.cancel()
    await asyncio.gather(upload, return_exceptions=True)
    assert await ledger.rows(asked) == []
    assert (await do(ledger, "apply", one))["state"] == "applied"
    shown = (await ledger.http.get(ROOT)).json()["items"]
    assert [found["reconciliation_id"] for found in shown] == [one["reconciliation_id"]]


@pytest.mark.parametrize(
    ("text", "content_type"),
    [
        ("device,device_type\nSEP1,phone-1\nSEP2,phone-4\n", "text/csv"),
        ('\ufeffDevice Name,Description,"Device Type"\r\nSEP1,"a, ""b""\r\nc",Phone 1\r\n\r\nSEP2,,"phone-4"', "text/csv; charset=utf-8"),
        ("Device_Type;DEVICE\rphone-1;SEP1\rphone-4;SEP2\r", "text/csv"),
        ("model\tname\nphone-1\tSEP1\nphone-4\tSEP2", "text/csv"),
        ('{"device":"SEP1","device_type":"phone-1"}\n\n{"device_type":"phone-4","device":"SEP2"}', "application/x-ndjson"),
        ('{"devices": [{"device":"SEP1","device_type":"phone-1"} ,\n{"device":"SEP2","device_type":"phone-4"}]}', "application/json"),
        ('[{"device":"SEP1","device_type":"phone-1"},{"device":"SEP2","device_type":"phone-4"}]', "application/json"),
    ],
)
async def test_an_inventory_is_read_in_every_form_however_it_is_cut(ledger: LedgerUnderTest, text: str, content_type: str) -> None:
    async def pieces(size: int) -> object:
        content = text.encode()
        for at in range(0, len(content), size):
            yield content[at : at + size]

    for size in (1, 7, 10_000):
        content = pieces(size)
        answer = await ledger.http.post(f"{ROOT}?dry_run=true", content=content, headers={"content-type": content_type})  # type: ignore[arg-type]
        assert answer.status_code == 201, answer.text
        assert answer.json()["differences"]["missing"] == {"devices": 2, "units": 5}
        assert (answer.json()["devices"], answer.json()["problems"]) == (2, 0)


async def test_lines_that_say_nothing_usable_are_listed_with_their_numbers(ledger: LedgerUnderTest) -> None:
    await ledger.put("known", "phone-1")
    text = "device,device_type\nknown\na/b,phone-1\nb,phone-1\nb,phone-4\nc,no such\n\n,phone-1\n"
    one = (await send_text(ledger, text)).json()
    assert one["differences"]["ghost"]["devices"] == 0  # it is in the inventory, whatever it is
    problems = await listed(ledger, one, kind="problem")
    assert {(d["line"], str(d["problem"]["type"]).rpartition(":")[2]) for d in problems} == {  # type: ignore[index]
        *[(2, "invalid-line"), (3, "invalid-line"), (5, "duplicate-device"), (6, "unknown-device-type"), (8, "invalid-line")]
    }
    assert [d["device"] for d in await listed(ledger, one, kind="missing")] == ["b"]


@pytest.mark.parametrize(
    ("text", "content_type", "line"),
    [
        (b"device,count\na,1\n", "text/csv", 1),
        (b"device,device_type,model\na,b,c\n", "text/csv", 1),
        (b"", "text/csv", 1),
        (b"device,device_type\n", "text/csv", 0),
        (b'device,device_type\na,"phone-1\nb,phone-1\n', "text/csv", 2),
        (b"device,device_type\na\xff,phone-1\n", "text/csv", 0),
        (b'{"device":"a"\n', "application/x-ndjson", 1),
        (b'{"devices": [{"device":"a","device_type":"phone-1"}', "application/json", 1),
        (b'[{"device":"a","device_type":"phone-1"} {"device":"a"}]', "application/json", 1),
        (b'{"things": []}', "application/json", 0),
        (b"a", "text/plain", 0),
    ],
)
async def test_a_text_that_cannot_be_read_is_refused_and_leaves_nothing(
    ledger: LedgerUnderTest, text: bytes, content_type: str, line: int
) -> None:
    answer = await send_text(ledger, text, content_type)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:licensing:problem:inventory-unreadable")
    assert answer.json()["line"] == line
    assert await ledger.rows("SELECT * FROM reconciliation") == []


async def test_more_than_there_may_be_is_refused(ledger: LedgerUnderTest) -> None:
    many = b"device,device_type\n" + b"".join(b"d%d,phone-1\n" % n for n in range(100_001))
    answer = await send_text(ledger, many)
    assert (answer.status_code, answer.json()["limit_devices"]) == (413, 100_000)
    assert await ledger.rows("SELECT * FROM inventory_line") == []


async def test_a_step_that_was_broken_off_is_done_by_the_next_process(
    ledger: LedgerUnderTest, bus: RememberingBus, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = await busy_cluster(ledger)
    one = await send(ledger, inventory)
    before, head = await ledger.rows(STATE), await ledger.rows("SELECT * FROM journal_head ORDER BY cluster")
    reached = asyncio.Event()

    async def hang(*_: object) -> None:
        reached.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr(reconciliations, "finish", hang)  # everything is written, and nothing committed
        asked = asyncio.create_task(ledger.http.post(f"{ROOT}/{one['reconciliation_id']}/apply"))
        await reached.wait()
        shown = (await ledger.http.get(f"{ROOT}/{one['reconciliation_id']}")).json()
        assert shown["state"] == "applying"
        await ledger.app.state.reconciler.close()
        assert (await asked).status_code == 202
    assert await ledger.rows(STATE) == before
    assert await ledger.rows("SELECT * FROM journal_head ORDER BY cluster") == head
    address = ledger.database.engine.url.render_as_string(hide_password=False)
    async with running(create_app(LedgerSettings(database_url=address), bus, clock, Metrics())):

        async def state() -> bool:
            return bool((await ledger.http.get(f"{ROOT}/{one['reconciliation_id']}")).json()["state"] == "applied")

        await eventually(state, "another process applies it")
    assert (await do(ledger, "revert", one))["outcomes"] == {"reverted": 6}
    assert await ledger.rows(STATE) == before


async def test_a_step_that_always_fails_ends_and_says_so(ledger: LedgerUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await send(ledger, {"a": "phone-1"})

    async def fail(*_: object) -> None:
        raise RuntimeError("a test says so")

    monkeypatch.setattr(go_on, "apply_differences", fail)
    for _ in range(5):
        await ledger.http.post(f"{ROOT}/{one['reconciliation_id']}/apply")
    found = (await ledger.http.get(f"{ROOT}/{one['reconciliation_id']}")).json()
    assert (found["state"], found["failure"]) == ("failed", "After 5 attempts: RuntimeError. The log of the ledger says more.")
    assert await ledger.rows("SELECT * FROM device") == []


async def test_what_is_old_is_forgotten(ledger: LedgerUnderTest) -> None:
    first = await send(ledger, {"a": "phone-1"})
    second = await send(ledger, {"b": "phone-1"})
    async with ledger.database.direct() as tx:
        await reconciliations.forget(tx, 30, 1)
    assert await ledger.rows("SELECT reconciliation_id FROM reconciliation") == [(second["reconciliation_id"],)]
    assert await ledger.rows("SELECT DISTINCT reconciliation_id FROM difference") == [(second["reconciliation_id"],)]
    assert (await ledger.http.get(f"{ROOT}/{first['reconciliation_id']}")).status_code == 404
