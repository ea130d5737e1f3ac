"""A refusal says everything that would help, and is remembered until the device has what it asked for."""

from datetime import UTC, datetime

from services.ledger.domain.demand import MOST_DEVICES
from shared.contracts.events.ledger import RequestRefused
from tests.service.ledger.conftest import MAC, LedgerUnderTest, catalogue


async def refusals(ledger: LedgerUnderTest) -> list[dict[str, object]]:
    answer = await ledger.http.get("/v1/clusters/hq/refusals")
    assert answer.status_code == 200
    found: list[dict[str, object]] = answer.json()["items"]
    return found


async def unmet(ledger: LedgerUnderTest, cluster: str = "hq") -> list[tuple[object, ...]]:
    """What the unit report says is lacking."""
    found = (await ledger.report(cluster))["unmet_demand"]
    assert isinstance(found, list)
    return [(u["feature"], u["device_type"], u["rule"], u["devices"], u["units"], u["refusals"]) for u in found]


async def tick(ledger: LedgerUnderTest, timer: str) -> None:
    kit = ledger.app.state.kit
    await kit.plan.timers.run_once(kit.database, timer)


async def by_force(ledger: LedgerUnderTest, sql: str) -> None:
    async with ledger.database.engine.begin() as connection:
        await connection.exec_driver_sql(sql)


async def full(ledger: LedgerUnderTest) -> None:
    """Nine units, all used."""
    await ledger.install(1, ("PHONE_UNIT", 9, 0))
    assert (await ledger.put("a", "phone-5")).status_code == 201
    assert (await ledger.put("b", "phone-4")).status_code == 201


async def test_a_refusal_names_the_rule_the_ghosts_what_was_priced_too_high_and_what_to_order(ledger: LedgerUnderTest) -> None:
    await full(ledger)
    await by_force(ledger, "UPDATE device SET seen_at = now() - interval '31 days' WHERE device = 'b'")
    await ledger.bus.say(catalogue(2, phone_5=3))
    await by_force(ledger, "TRUNCATE returnable")
    before = (await ledger.put("c", "dear-soft")).json()
    assert [way["action"] for way in before["ways_out"]] == ["remove", "order"]  # what was not measured is not said
    await tick(ledger, "measure_returnable")
    refused = await ledger.put("c", "dear-soft")
    body = refused.json()
    assert (refused.status_code, body["rule"], body["asked"], body["free"]) == (409, "units-exhausted", 6, 0)
    assert [(way["action"], way["units"]) for way in body["ways_out"]] == [("remove_ghosts", 4), ("return", 2), ("order", 6)]
    measured_at = datetime.fromisoformat(body["ways_out"][0]["measured_at"])
    as_of = f"as of {measured_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    assert [way["text"] for way in body["ways_out"]] == [
        f"Remove 1 device not seen for 30 days: it holds 4 units ({as_of}).",
        f"Put 1 device again: it holds 2 units more than its type costs today ({as_of}).",
        "Order at least 6 more units and upload the license file.",
    ]
    told = (await ledger.bus.hear(RequestRefused, 2))[-1]
    assert body["ways_out"][0]["text"] in told.detail
    assert (await ledger.delete("b")).status_code == 204
    assert (await ledger.put("a", "phone-5")).json()["units"] == 3
    assert (await ledger.put("c", "dear-soft")).status_code == 201  # which was just enough


async def test_what_is_refused_is_counted_by_type_rule_and_day_until_the_device_has_it(ledger: LedgerUnderTest) -> None:
    await full(ledger)
    for _ in range(3):
        await ledger.put("c", "phone-4")
    await ledger.put("d", "phone-4")
    assert (await ledger.put("b", "phone-5")).status_code == 409
    assert await unmet(ledger) == [
        ("PHONE_UNIT", "phone-4", "units-exhausted", 2, 8, 4),
        ("PHONE_UNIT", "phone-5", "units-exhausted", 1, 1, 1),
    ]
    fours, fives = await refusals(ledger)
    counted = {name: fours[name] for name in ("refusals", "units_asked", "devices", "more_devices", "open_devices", "open_units")}
    assert counted == {"refusals": 4, "units_asked": 16, "devices": 2, "more_devices": False, "open_devices": 2, "open_units": 8}
    assert (fives["device_type"], fives["refusals"], fives["units_asked"]) == ("phone-5", 1, 1)
    assert str(fours["first_at"]) < str(fours["last_at"])
    await ledger.delete("a")
    assert (await ledger.put("c", "phone-4")).status_code == 201
    assert (await unmet(ledger))[0] == ("PHONE_UNIT", "phone-4", "units-exhausted", 1, 4, 1)
    await tick(ledger, "end_demand")
    await ledger.delete("c")  # it had what it asked for; that it gave it back makes no demand
    assert (await unmet(ledger))[0] == ("PHONE_UNIT", "phone-4", "units-exhausted", 1, 4, 1)
    assert [(day["refusals"], day["devices"], day["open_devices"]) for day in await refusals(ledger)] == [(4, 2, 1), (1, 1, 1)]


async def test_demand_of_a_device_that_never_asks_again_ends_and_its_days_stay(ledger: LedgerUnderTest) -> None:
    await full(ledger)
    await ledger.put("c", "phone-4")
    await by_force(ledger, "UPDATE unmet_device SET last_at = last_at - interval '31 days'")
    await by_force(ledger, "UPDATE unmet_demand SET day = day - 31")
    await ledger.put("d", "phone-4")
    await tick(ledger, "end_demand")
    assert [entry[3:] for entry in await unmet(ledger)] == [(1, 4, 1)]
    assert [(day["refusals"], day["open_devices"]) for day in await refusals(ledger)] == [(1, 1), (1, 0)]
    page = (await ledger.http.get("/v1/clusters/hq/refusals", params={"limit": 1})).json()
    rest = (await ledger.http.get("/v1/clusters/hq/refusals", params={"limit": 1, "cursor": page["next_cursor"]})).json()
    assert page["items"] + rest["items"] == await refusals(ledger)
    assert (await ledger.http.get("/v1/clusters/hq/refusals", params={"cursor": "WyJ4IiwiYSIsImIiLCJjIl0"})).status_code == 422


async def test_of_a_storm_all_refusals_are_counted_and_a_bounded_number_of_devices_known(ledger: LedgerUnderTest) -> None:
    await full(ledger)
    many = [{"device": f"SEP{number}", "device_type": "phone-1"} for number in range(MOST_DEVICES + 100)]
    for _ in range(2):
        assert (await ledger.http.post("/v1/clusters/hq/check-outs", json={"devices": many})).json()["refused"] == len(many)
    (day,) = await refusals(ledger)
    assert (day["refusals"], day["devices"], day["more_devices"], day["open_devices"]) == (2 * len(many), MOST_DEVICES, True, MOST_DEVICES)
    assert await ledger.rows("SELECT count(*), sum(refusals) FROM unmet_device") == [(MOST_DEVICES, 2 * MOST_DEVICES)]


async def test_nodes_and_frozen_clusters_are_refused_with_the_rule_and_remembered_too(ledger: LedgerUnderTest) -> None:
    await ledger.put_node("cm1", MAC)
    refused = (await ledger.put_node("cm2", "0015C5F3A1B3")).json()
    assert (refused["rule"], refused["asked"], refused["free"]) == ("units-exhausted", 1, 0)
    assert await unmet(ledger) == [("CCM_NODE", "", "units-exhausted", 1, 1, 1)]
    await ledger.install(1, ("CCM_NODE", 2, 0))
    await ledger.put_node("cm2", "0015C5F3A1B3")
    assert await unmet(ledger) == []
    await ledger.put_cluster("old", starter=False)
    counted = {"from_version": "4.2", "to_version": "5.0", "nodes": 1, "devices": [{"device_type": "phone-4", "count": 1}]}
    assert (await ledger.http.post("/v1/clusters/old/migration", json=counted)).status_code == 201
    frozen = (await ledger.put("x", "phone-5", "old")).json()
    assert (frozen["rule"], frozen["asked"], frozen["free"]) == ("provisioning-frozen", 5, 4)
    assert await unmet(ledger, "old") == [("PHONE_UNIT", "phone-5", "provisioning-frozen", 1, 5, 1)]


async def test_a_refusal_that_cannot_be_remembered_is_none(ledger: LedgerUnderTest) -> None:
    """What is answered is what is committed: without its record there is no refusal either."""
    await full(ledger)
    await by_force(ledger, "ALTER TABLE unmet_demand ADD CHECK (device_type <> 'phone-4')")
    assert (await ledger.put("c", "phone-4")).status_code == 500
    assert ledger.bus.heard(RequestRefused) == []
    assert await ledger.rows("SELECT count(*) FROM unmet_device") == [(0,)]
