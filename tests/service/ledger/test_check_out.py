"""Devices take and give back units, through the doors, on a real database."""

import asyncio

from sqlalchemy import text

from shared.contracts.events.ledger import (
    LimitApproached,
    LimitReceded,
    OverdraftEntered,
    OverdraftLeft,
    PoolChanged,
    RequestRefused,
)
from tests.house import eventually
from tests.service.ledger.conftest import LedgerUnderTest, catalogue

EVERYTHING = "SELECT to_jsonb(p)::text FROM pool AS p UNION ALL SELECT to_jsonb(d)::text FROM device AS d ORDER BY 1"


async def test_a_new_device_takes_the_units_of_its_type_and_a_known_one_nothing_more(ledger: LedgerUnderTest) -> None:
    new = await ledger.put("SEP1", "phone-5")
    assert new.status_code == 201
    pool = {"authorized": 50, "overdraft_allowed": 0, "used": 5, "remaining": 45, "overdraft": 0, "status": "within", "version": 2}
    pool |= {"overdraft_in_force": 0, "stage": None}
    device = {"device": "SEP1", "device_type": "phone-5", "units": 5, "adjunct_of": None, "device_class": "ordinary"}
    assert new.json() == {**device, "pool": pool}
    again = await ledger.put("SEP1", "phone-5")
    assert (again.status_code, again.json()) == (200, new.json())
    held = (await ledger.http.get("/v1/clusters/hq/devices/SEP1")).json()
    assert (held["units"], held["state"], held["adjunct_of"]) == (5, "held", None)


async def test_a_device_gives_its_units_back_and_giving_back_twice_is_well(ledger: LedgerUnderTest) -> None:
    await ledger.put("SEP1", "phone-5")
    assert (await ledger.delete("SEP1")).status_code == 204
    assert (await ledger.delete("SEP1")).status_code == 204
    assert (await ledger.http.get("/v1/clusters/hq/devices/SEP1")).json()["type"] == "urn:licensing:problem:not-found"
    assert await ledger.pool() == (50, 0, 0, "within")


async def _are_told_of(ledger: LedgerUnderTest, refusals: int) -> bool:
    return sum(fact.count for fact in ledger.bus.heard(RequestRefused)) == refusals


async def test_forty_devices_at_once_cannot_overdraw_the_pool(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 10, 5))
    answers = await asyncio.gather(*(ledger.put(f"SEP{n:012X}") for n in range(40)))
    assert sorted(a.status_code for a in answers) == [201] * 15 + [409] * 25
    assert await ledger.pool() == (10, 5, 15, "exhausted")
    await ledger.assert_sums()
    await eventually(lambda: _are_told_of(ledger, 25), "25 refusals are told, those of one batch together")
    versions = [fact.version for fact in ledger.bus.heard(PoolChanged) if fact.feature == "PHONE_UNIT"]
    assert versions == list(range(1, len(versions) + 1))  # the starter, the file, and a fact for each batch: none is told twice
    assert ledger.bus.heard(PoolChanged)[-1].used == 15


async def test_the_same_new_device_twice_at_once_is_one_holding(ledger: LedgerUnderTest) -> None:
    answers = await asyncio.gather(*(ledger.put("SEP1", "phone-4") for _ in range(8)))
    assert sorted(a.status_code for a in answers) == [200] * 7 + [201]
    assert await ledger.pool() == (50, 0, 4, "within")


async def test_overdraft_units_are_taken_when_the_authorized_are_gone_and_its_coming_and_going_is_told(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 10, 5))
    await ledger.put("a", "phone-5")
    await ledger.put("b", "phone-4")
    assert (await ledger.put("c", "phone-4")).json()["pool"]["status"] == "overdraft"
    (entered,) = await ledger.bus.hear(OverdraftEntered)
    assert (entered.cluster, entered.feature, entered.authorized, entered.overdraft_allowed, entered.used) == (
        "hq",
        "PHONE_UNIT",
        10,
        5,
        13,
    )
    await ledger.put("d")
    assert (await ledger.put("e")).json()["pool"]["status"] == "exhausted"
    await ledger.delete("a")
    (left,) = await ledger.bus.hear(OverdraftLeft)
    assert (left.used, left.version) == (10, 8)


async def test_a_refusal_tells_the_numbers_and_the_ways_out_and_changes_nothing(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 4, 2))
    await ledger.put("a", "phone-5")
    before = await ledger.rows(EVERYTHING)
    refused = await ledger.put("b", "phone-4")
    body = refused.json()
    assert (refused.status_code, body["type"]) == (409, "urn:licensing:problem:units-exhausted")
    numbers = {name: body[name] for name in ("asked", "free", "authorized", "used", "overdraft_allowed")}
    assert numbers == {"asked": 4, "free": 1, "authorized": 4, "used": 5, "overdraft_allowed": 2}
    assert [(way["action"], way["units"]) for way in body["ways_out"]] == [("remove", 3), ("order", 3)]
    (told,) = await ledger.bus.hear(RequestRefused)
    assert (told.name, told.rule, told.asked, told.free, told.version) == ("b", "units-exhausted", 4, 1, 3)
    assert before == await ledger.rows(EVERYTHING)


async def test_changing_a_devices_type_reprices_it_all_or_nothing(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 6, 0))
    await ledger.put("a", "phone-1")
    await ledger.put("b", "phone-1")
    up = await ledger.put("a", "phone-5")
    assert (up.status_code, up.json()["units"], up.json()["pool"]["used"]) == (200, 5, 6)
    refused = await ledger.put("b", "phone-4")
    assert (refused.status_code, refused.json()["asked"]) == (409, 3)
    assert (await ledger.http.get("/v1/clusters/hq/devices/b")).json()["device_type"] == "phone-1"
    down = await ledger.put("a", "phone-4")
    assert (down.status_code, down.json()["pool"]["used"]) == (200, 5)
    await ledger.assert_sums()


async def test_a_holding_keeps_its_units_until_it_is_put_again_after_the_price_changed(ledger: LedgerUnderTest) -> None:
    await ledger.put("a", "phone-4")
    await ledger.bus.say(catalogue(2, phone_4=7))
    assert (await ledger.http.get("/v1/clusters/hq/devices/a")).json()["units"] == 4
    again = await ledger.put("a", "phone-4")
    assert (again.status_code, again.json()["units"], again.json()["pool"]["used"]) == (200, 7, 7)
    await ledger.bus.say(catalogue(1, phone_4=1))  # an older catalogue that arrives late
    assert (await ledger.put("a", "phone-4")).json()["units"] == 7
    await ledger.bus.say(catalogue(3, phone_4=2))
    assert (await ledger.put("a", "phone-4")).json()["pool"]["used"] == 2


async def test_repricing_downwards_and_giving_back_are_never_refused_beyond_the_allowance(ledger: LedgerUnderTest) -> None:
    await ledger.put("a", "phone-5")
    await ledger.put("b", "phone-5")
    await ledger.install(1, ("PHONE_UNIT", 1, 1))  # replaces the starter
    assert await ledger.pool() == (1, 1, 10, "beyond_allowance")
    assert (await ledger.put("a", "phone-5")).status_code == 200
    assert (await ledger.put("c", "phone-1")).json()["free"] == 0
    assert (await ledger.put("a", "phone-1")).status_code == 200
    assert (await ledger.put("port", "cti-port")).status_code == 201  # costs nothing
    assert (await ledger.delete("b")).status_code == 204
    assert await ledger.pool() == (1, 1, 1, "within")


async def test_the_limit_is_approached_at_98_percent_and_receded_from_at_90(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 100, 5))
    for n in range(24):
        await ledger.put(f"d{n}", "phone-4")
    await ledger.put("e", "phone-1")
    assert ledger.bus.heard(LimitApproached) == []  # 97
    await ledger.put("f", "phone-1")
    (approached,) = await ledger.bus.hear(LimitApproached)
    assert (approached.feature, approached.used) == ("PHONE_UNIT", 98)
    await ledger.delete("d0")  # 94: between the two, nothing is told
    await ledger.put("d0", "phone-4")
    await ledger.delete("d0")
    await ledger.delete("d1")
    (receded,) = await ledger.bus.hear(LimitReceded)
    assert receded.used == 90
    assert len(ledger.bus.heard(LimitApproached)) == 1


async def test_units_cannot_be_priced_before_the_catalogue_and_readiness_says_so(bare: LedgerUnderTest) -> None:
    await bare.put_cluster()
    early = await bare.put("a")
    assert (early.status_code, early.headers["retry-after"]) == (503, "2")
    assert early.json()["type"] == "urn:licensing:problem:catalogue-missing"
    assert (await bare.delete("a")).status_code == 204
    unready = await bare.http.get("/readyz")
    assert (unready.status_code, "catalogue" in unready.json()["checks"]["catalogue"]) == (503, True)
    await bare.bus.say(catalogue())
    assert (await bare.http.get("/readyz")).status_code == 200
    assert (await bare.put("a")).status_code == 201


async def test_a_commit_that_fails_is_never_a_201(ledger: LedgerUnderTest) -> None:
    async with ledger.database.engine.begin() as connection:
        await connection.execute(
            text(
                "CREATE FUNCTION ledger.no() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN IF NEW.device = 'cursed' THEN RAISE EXCEPTION 'cursed' USING ERRCODE = '23514'; END IF; RETURN NULL; END $$"
            )
        )
        await connection.execute(
            text(
                "CREATE CONSTRAINT TRIGGER no AFTER INSERT ON ledger.device DEFERRABLE INITIALLY DEFERRED "
                "FOR EACH ROW EXECUTE FUNCTION ledger.no()"
            )
        )
    answer = await ledger.put("cursed", "phone-5")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:licensing:problem:internal-error")
    assert await ledger.pool() == (50, 0, 0, "within")
    assert (await ledger.put("blessed", "phone-5")).status_code == 201


async def test_devices_are_listed_by_pages_and_by_type(ledger: LedgerUnderTest) -> None:
    for n in range(5):
        await ledger.put(f"d{n}", "phone-1" if n % 2 else "phone-4")
    first = (await ledger.http.get("/v1/clusters/hq/devices", params={"limit": 3})).json()
    rest = (await ledger.http.get("/v1/clusters/hq/devices", params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [d["device"] for d in (*first["items"], *rest["items"])] == ["d0", "d1", "d2", "d3", "d4"]
    assert rest["next_cursor"] is None
    fours = (await ledger.http.get("/v1/clusters/hq/devices", params={"device_type": "phone-4", "state": "held"})).json()
    assert [d["device"] for d in fours["items"]] == ["d0", "d2", "d4"]
    assert (await ledger.http.get("/v1/clusters/hq/devices", params={"state": "lost"})).status_code == 422
    assert (await ledger.http.get("/v1/clusters/nowhere/devices")).status_code == 404


async def test_a_soft_client_as_adjunct_costs_its_adjunct_price(ledger: LedgerUnderTest) -> None:
    await ledger.put("desk", "phone-4")
    adjunct = await ledger.put("pc", "soft", adjunct_of="desk")
    assert (adjunct.status_code, adjunct.json()["units"], adjunct.json()["adjunct_of"]) == (201, 1, "desk")
    alone = await ledger.put("pc", "soft")
    assert (alone.status_code, alone.json()["units"], alone.json()["adjunct_of"]) == (200, 3, None)


NO_ADJUNCTS: list[tuple[str, str, str | None, int, str]] = [
    ("x", "phone-1", "desk", 422, "adjunct-not-possible"),  # the type has no adjunct price
    ("x", "soft", "x", 422, "adjunct-not-possible"),  # of itself
    ("x", "soft", "nobody", 409, "adjunct-conflict"),  # no such primary
    ("x", "soft", "pc", 409, "adjunct-conflict"),  # the primary is an adjunct
    ("x", "dear-soft", "desk", 409, "adjunct-conflict"),  # 6 exceeds the primary's 4
    ("desk", "soft", "other", 409, "primary-of-adjunct"),  # a primary cannot become one
    ("desk", "phone-1", None, 409, "primary-of-adjunct"),  # re-typed below its adjunct's 3
]


async def test_what_cannot_be_an_adjunct(ledger: LedgerUnderTest) -> None:
    await ledger.put("desk", "phone-4")
    await ledger.put("other", "phone-4")
    await ledger.put("pc", "soft", adjunct_of="desk")
    for device, device_type, adjunct_of, status, slug in NO_ADJUNCTS:
        answer = await ledger.put(device, device_type, adjunct_of=adjunct_of)
        assert (answer.status_code, answer.json()["type"]) == (status, f"urn:licensing:problem:{slug}"), (device, device_type, adjunct_of)
    assert await ledger.pool() == (50, 0, 9, "within")


async def test_a_primary_cannot_be_removed_while_adjuncts_point_to_it(ledger: LedgerUnderTest) -> None:
    await ledger.put("desk", "phone-4")
    for n in range(22):
        await ledger.put(f"pc{n:02}", "soft", adjunct_of="desk")
    refused = await ledger.delete("desk")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:licensing:problem:primary-of-adjunct")
    assert (refused.json()["adjuncts"], refused.json()["total"]) == ([f"pc{n:02}" for n in range(20)], 22)
    for n in range(22):
        assert (await ledger.delete(f"pc{n:02}")).status_code == 204
    assert (await ledger.delete("desk")).status_code == 204


async def test_a_device_whose_type_left_the_catalogue_goes_on_and_can_leave(ledger: LedgerUnderTest) -> None:
    await ledger.put("a", "phone-4")
    without = catalogue(2)
    await ledger.bus.say(without.model_copy(update={"device_types": [t for t in without.device_types if t.device_type != "phone-4"]}))
    assert (await ledger.put("a", "phone-4")).status_code == 200
    assert (await ledger.put("b", "phone-4")).json()["device_types"] == ["phone-4"]
    assert (await ledger.delete("a")).status_code == 204
