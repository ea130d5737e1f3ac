"""The overdraft ladder through the doors: policy, time by the database's clock, stage, refusal, exempt devices, journal and events."""

import csv
from collections.abc import AsyncIterator

import httpx
import pytest

from services.ledger.app import create_app
from services.ledger.settings import LedgerSettings
from shared.contracts.events.ledger import LimitApproached, OverdraftEntered, OverdraftLeft, OverdraftStageReached, RequestRefused
from shared.kit.clock import TestClock
from shared.kit.identity import IDENTITY_HEADER, IdentityIssuer
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, running
from tests.service.ledger.conftest import LedgerUnderTest
from tests.service.ledger.reconciling import do, listed, send
from tests.service.ledger.test_journal import by_force, entries, verified
from tests.service.ledger.test_leases import pass_time, reclaimed

POLICY: dict[str, object] = {
    "steps": [
        {"stage": "minor", "after_days": 7, "allowance_percent": 50},
        {"stage": "critical", "after_days": 30, "allowance_units": 3},
    ],
    "stop_after_days": 60,
}


async def days_pass(ledger: LedgerUnderTest, days: int) -> None:
    """The overdraft began so many days earlier; then the timer looks."""
    await by_force(ledger, f"UPDATE pool SET overdraft_since = overdraft_since - interval '{days} days' WHERE overdraft_since IS NOT NULL")
    await climb(ledger)


async def climb(ledger: LedgerUnderTest) -> None:
    kit = ledger.app.state.kit
    await kit.plan.timers.run_once(kit.database, "climb_ladders")


async def phones(ledger: LedgerUnderTest) -> dict[str, object]:
    features = (await ledger.report())["features"]
    assert isinstance(features, list)
    found: dict[str, object] = features[1]
    return found


@pytest.fixture
async def over(ledger: LedgerUnderTest) -> LedgerUnderTest:
    """20 units authorized, 10 of overdraft allowed, 24 used, under a policy."""
    await ledger.install(1, ("PHONE_UNIT", 20, 10))
    assert (await ledger.put_cluster(overdraft_policy=POLICY)).status_code == 200
    for n in range(6):
        assert (await ledger.put(f"d{n}", "phone-4")).status_code == 201
    return ledger


async def test_a_policy_is_shown_kept_where_it_is_left_out_and_taken_away_again(ledger: LedgerUnderTest) -> None:
    default = (await ledger.http.get("/v1/clusters/hq")).json()["overdraft_policy"]
    assert default["steps"][2] == {"stage": "critical", "after_days": 60, "allowance_percent": None, "allowance_units": None}
    shown = (await ledger.put_cluster(overdraft_policy=POLICY)).json()["overdraft_policy"]
    assert (shown["stop_after_days"], [step["after_days"] for step in shown["steps"]]) == (60, [7, 30])
    assert (await ledger.put_cluster(product_version="5.1")).json()["overdraft_policy"] == shown
    written = [entry for entry in await entries(ledger) if entry["kind"] == "cluster"]
    assert len(written) == 3, "new, with a policy, of another version"
    assert '"stop_after_days": 60' in str(written[1]["detail"])
    assert (await ledger.put_cluster(overdraft_policy={})).json()["overdraft_policy"] == default
    assert (await ledger.put_cluster(overdraft_policy={"allowance_percent": 101})).status_code == 422
    assert (await ledger.put_cluster("new", overdraft_policy=POLICY)).json()["overdraft_policy"] == shown


async def test_an_overdraft_climbs_its_ladder_by_time_each_step_journalled_and_told(over: LedgerUnderTest) -> None:
    (entered,) = await over.bus.hear(OverdraftEntered)
    assert entered.stage == "notice"
    assert (await over.put("d0", "phone-4")).json()["pool"]["stage"] == "notice"
    await climb(over)
    assert over.bus.heard(OverdraftStageReached) == [], "no day has passed"
    for days in (7, 23, 30):
        await days_pass(over, days)
        await climb(over)
    told = await over.bus.hear(OverdraftStageReached, 3)
    assert [(t.stage, t.allowance, t.stopped) for t in told] == [("minor", 5, False), ("critical", 3, False), ("critical", 0, True)]
    assert [t.version for t in told] == list(range(entered.version + 1, entered.version + 4))
    shown = await phones(over)
    assert [shown[name] for name in ("stage", "stopped", "overdraft_in_force", "overdraft_allowed", "overdraft")] == [
        *("critical", True, 0, 10, 4)
    ]
    report = await over.http.get("/v1/clusters/hq/unit-report", headers={"Accept": "text/csv"})
    assert [row["stage"] for row in csv.DictReader(report.text.splitlines())][:2] == ["", "critical"]
    steps = [entry for entry in await entries(over) if entry["kind"] == "ladder"]
    assert [(s["reason"], s["used"], s["caller"], s["source"]) for s in steps] == [
        ("notice", 24, "nobody", "http"),
        *((reached, 24, "ledger timer", "timer") for reached in ("minor", "critical", "critical")),
    ]
    assert (await verified(over))["intact"] is True
    live = await over.report()
    then = await over.http.get("/v1/clusters/hq/unit-report", params={"at": str(live["at"])})
    assert then.json() == live | {"unmet_demand": None}
    assert (await over.delete("d0")).status_code == 204
    assert (await over.delete("d1")).status_code == 204
    assert (await over.bus.hear(OverdraftLeft))[0].stage is None
    shown = await phones(over)
    assert [shown[name] for name in ("stage", "stopped", "overdraft_in_force", "overdraft_since")] == [None, False, 10, None]
    await climb(over)
    assert len(over.bus.heard(OverdraftStageReached)) == 3


async def test_the_ladder_refuses_with_numbers_and_ways_out_and_never_a_holder_or_a_check_in(over: LedgerUnderTest) -> None:
    await days_pass(over, 8)
    refused = await over.put("late", "phone-4")
    body = refused.json()
    assert (refused.status_code, body["type"]) == (409, "urn:licensing:problem:overdraft-restricted")
    numbers = ("asked", "free", "authorized", "used", "overdraft_allowed", "allowance", "stage", "days_in_overdraft", "stopped")
    assert [body[name] for name in numbers] == [4, 1, 20, 24, 10, 5, "minor", 8, False]
    assert [(way["action"], way["units"]) for way in body["ways_out"]] == [("remove", 3), ("order", 3), ("change_policy", 0)]
    (told,) = await over.bus.hear(RequestRefused)
    assert (told.rule, told.asked, told.free, told.stage) == ("overdraft-restricted", 4, 1, "minor")
    unmet = (await over.http.get("/v1/clusters/hq/unit-report")).json()["unmet_demand"]
    assert [(one["rule"], one["devices"], one["units"]) for one in unmet] == [("overdraft-restricted", 1, 4)]
    assert (await over.put("late", "phone-1")).status_code == 201
    await days_pass(over, 60)
    assert (await over.put("later", "phone-1")).json()["stopped"] is True
    assert (await over.put("port", "cti-port")).status_code == 201, "what costs nothing adds to no overdraft"
    assert (await over.put("d0", "phone-4")).status_code == 200
    assert (await over.put("d0", "phone-1")).status_code == 200
    assert (await over.delete("d1")).status_code == 204
    assert (await over.put_cluster(overdraft_policy={})).status_code == 200
    assert (await over.put("later", "phone-1")).status_code == 201
    await over.assert_sums()


async def test_another_policy_moves_a_standing_overdraft_to_its_own_stage(over: LedgerUnderTest) -> None:
    await days_pass(over, 31)
    assert (await phones(over))["stage"] == "critical"
    slower = {"steps": [{"stage": "minor", "after_days": 20}, {"stage": "major", "after_days": 40}]}
    assert (await over.put_cluster(overdraft_policy=slower)).status_code == 200
    shown = await phones(over)
    assert (shown["stage"], shown["overdraft_in_force"]) == ("minor", 10)
    assert [t.stage for t in await over.bus.hear(OverdraftStageReached, 2)] == ["critical", "minor"]
    assert [e["reason"] for e in await entries(over) if e["kind"] == "ladder"] == ["notice", "critical", "minor"]


async def test_a_cluster_has_an_approaching_limit_of_its_own(ledger: LedgerUnderTest) -> None:
    await ledger.put("a", "phone-5")
    await ledger.put_cluster(overdraft_policy={"approach_percent": 10, "recede_percent": 5})
    (told,) = await ledger.bus.hear(LimitApproached)
    assert (told.used, told.authorized) == (5, 50)


async def test_an_overdraft_that_an_earlier_release_began_is_watched_from_now_on(over: LedgerUnderTest) -> None:
    await by_force(over, "UPDATE pool SET overdraft_since = NULL, overdraft_stage = NULL")
    await climb(over)
    assert [t.stage for t in await over.bus.hear(OverdraftStageReached)] == ["notice"]


async def test_exempt_devices_are_checked_out_beyond_the_allowance_and_it_is_journalled(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 120, 0))
    for n in range(24):
        await ledger.put(f"d{n}", "phone-5")
    assert (await ledger.put("more")).status_code == 409
    made = await ledger.put("sos", device_class="emergency")
    assert (made.status_code, made.json()["device_class"], made.json()["pool"]["status"]) == (201, "emergency", "beyond_allowance")
    assert (await ledger.put("sos")).json()["device_class"] == "emergency", "who does not say leaves it as it is"
    assert (await ledger.http.get("/v1/clusters/hq/devices/sos")).json()["device_class"] == "emergency"
    assert (await ledger.put("desk", device_class="attendant")).status_code == 201
    full = await ledger.put("sos2", device_class="emergency")
    assert (full.status_code, full.json()["ways_out"][-1]["units"]) == (409, 1)
    assert (await ledger.put("sos", device_class="ordinary")).status_code == 409
    found = [(e["subject"], e["reason"], e["detail"]) for e in await entries(ledger) if e["subject"] in {"sos", "desk"}]
    assert found == [("sos", "exempt", '{"device_class": "emergency"}'), ("desk", "exempt", '{"device_class": "attendant"}')]
    assert (await ledger.delete("sos")).status_code == 204
    assert (await ledger.put("d0", "phone-5", device_class="attendant")).status_code == 200, "its class is no check-out"
    assert (await ledger.put("sos", device_class="emergency")).status_code == 409, "6 units are exempt already"
    assert (await verified(ledger))["intact"] is True
    await ledger.assert_sums()


async def test_exempt_devices_are_checked_out_past_the_end_of_the_ladder_within_a_hundredth(over: LedgerUnderTest) -> None:
    await days_pass(over, 60)
    assert (await over.put("plain")).json()["stopped"] is True
    made = await over.put("sos", device_class="emergency", lease_seconds=60)
    assert (made.status_code, made.json()["pool"]["used"], made.json()["pool"]["overdraft_in_force"]) == (201, 25, 0)
    full = await over.put("desk", device_class="attendant")
    assert (full.status_code, full.json()["rule"], full.json()["ways_out"][-1]["units"]) == (409, "overdraft-restricted", 1)
    many = {"devices": [{"device": "sos", "device_type": "phone-1", "lease_seconds": 60}, {"device": "new", "device_type": "phone-1"}]}
    answer = (await over.http.post("/v1/clusters/hq/check-outs", json=many)).json()
    assert [one["outcome"] for one in answer["results"]] == ["unchanged", "refused"]
    assert answer["results"][1]["problem"]["rule"] == "overdraft-restricted"
    assert await over.rows("SELECT device, device_class FROM device WHERE device_class <> 'ordinary'") == [("sos", "emergency")]
    await pass_time(over, 61)
    assert list(await reclaimed(over)) == ["sos"]
    assert (await over.put("desk", device_class="attendant")).status_code == 201, "the hundredth is free again"
    await over.assert_sums()
    await over.assert_journal()


async def test_a_lapse_that_ends_an_overdraft_takes_the_pool_off_the_ladder(over: LedgerUnderTest) -> None:
    await over.put("d0", "phone-4", lease_seconds=60)
    await days_pass(over, 8)
    await pass_time(over, 61)
    assert list(await reclaimed(over)) == ["d0"]
    assert [e["reason"] for e in await entries(over) if e["kind"] == "ladder"] == ["notice", "minor", "ended"]
    assert (await phones(over))["stage"] is None
    assert (await verified(over))["intact"] is True


async def test_past_the_end_of_the_ladder_an_inventory_is_refused_row_by_row(over: LedgerUnderTest) -> None:
    await days_pass(over, 60)
    kept = {f"d{n}": "phone-4" for n in range(5)}
    one = await send(over, {**kept, "d5": "phone-1", "x": "phone-1", "y": "phone-4", "z": "cti-port"}, dry_run=False)
    assert (one["state"], one["outcomes"]) == ("applied", {"applied": 2, "refused": 2}), "cheaper and free of charge go on"
    refused = [d for d in await listed(over, one) if d["outcome"] == "refused"]
    assert [d["device"] for d in refused] == ["x", "y"]
    assert all("urn:licensing:problem:overdraft-restricted" in str(d["problem"]) for d in refused)
    assert [(t.rule, t.asked, t.free) for t in await over.bus.hear(RequestRefused, 2)] == [
        ("overdraft-restricted", asked, 0) for asked in (1, 4)
    ]
    unmet = (await over.http.get("/v1/clusters/hq/unit-report")).json()["unmet_demand"]
    assert [(u["rule"], u["device_type"], u["units"]) for u in unmet] == [
        ("overdraft-restricted", "phone-1", 1),
        ("overdraft-restricted", "phone-4", 4),
    ]
    assert (await phones(over))["used"] == 21
    await over.assert_sums()
    await over.assert_journal()


async def test_an_inventory_is_taken_back_up_to_what_was_in_use_and_no_further_than_the_ladder_allows(over: LedgerUnderTest) -> None:
    one = await send(over, {f"d{n}": "phone-4" for n in range(4)}, dry_run=False)  # d4 and d5 are ghosts: 16 left
    assert (await over.put("e", "phone-5")).status_code == 201
    assert (await over.put_cluster(overdraft_policy={"allowance_units": 1})).status_code == 200
    taken = await do(over, "revert", one)
    assert taken["outcomes"] == {"left": 2}, "24 were in use and 21 are allowed; with one of them it would be 25"
    left = await listed(over, one)
    assert all("overdraft-restricted" in str(d["problem"]) for d in left)
    assert (await over.delete("e")).status_code == 204
    await over.assert_sums()
    assert (await verified(over))["intact"] is True


@pytest.fixture
async def with_keys(
    ledger: LedgerUnderTest, database_url: str, bus: RememberingBus, clock: TestClock
) -> AsyncIterator[tuple[httpx.AsyncClient, IdentityIssuer]]:
    """A ledger beside it that takes the gateway's word."""
    issuer = IdentityIssuer.in_memory()
    settings = LedgerSettings(database_url=database_url, identity_keys=issuer.public_keys)
    async with running(create_app(settings, bus, clock, Metrics())) as http:
        yield http, issuer


async def test_only_an_admin_says_what_is_exempt(with_keys: tuple[httpx.AsyncClient, IdentityIssuer]) -> None:
    http, issuer = with_keys
    asked = {"device_type": "phone-1", "device_class": "emergency"}
    for path in ("/v1/clusters/hq/devices/sos", "/v1/clusters/hq/devices/a b"):  # the short way and the ordinary one
        operator, admin = ({IDENTITY_HEADER: issuer.token_for(who, who)} for who in ("operator", "admin"))
        refused = await http.put(path, json=asked, headers=operator)
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:licensing:problem:forbidden")
        assert (refused.json()["scope_needed"], refused.json()["scope_held"]) == ("admin", "operator")
        assert (await http.put(path, json=asked, headers=admin)).status_code == 201
        known = await http.put(path, json={"device_type": "phone-1"}, headers=operator)
        assert (known.status_code, known.json()["device_class"]) == (200, "emergency")
