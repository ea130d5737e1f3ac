"""Orders, approvals, PAKs and their shares, through the doors."""

import asyncio
from datetime import timedelta

import pytest

from shared.kit.clock import TestClock
from tests.service.registration.desk import MAC, OTHER_MAC, Desk, problem_of


async def test_20_nodes_and_20000_units_are_split_into_two_license_files_and_a_third_is_refused(desk: Desk) -> None:
    pak = await desk.pak()
    first = await desk.register(pak, nodes=15, units=15000)
    second = await desk.register(pak, OTHER_MAC, nodes=5, units=5000)
    assert (first.status_code, second.status_code) == (201, 201)
    assert {"mac": MAC, "nodes": 15, "units": 15000, "overdraft_units": 750}.items() <= first.json().items()
    assert {"mac": OTHER_MAC, "nodes": 5, "units": 5000, "overdraft_units": 250}.items() <= second.json().items()
    third = await desk.register(pak, nodes=1, units=0)
    assert problem_of(third) == (409, "order-exhausted")
    assert (third.json()["remaining_nodes"], third.json()["remaining_units"]) == (0, 0)
    seen = (await desk.http.get(f"/v1/paks/{pak}")).json()
    assert (seen["nodes"], seen["units"], seen["remaining_nodes"], seen["remaining_units"]) == (20, 20000, 0, 0)
    assert [file["license_file_id"] for file in seen["license_files"]] == [a.json()["license_file_id"] for a in (first, second)]
    assert [file["share"] for file in seen["license_files"]] == [1, 2]
    assert seen["license_files_total"] == 2


async def test_what_is_left_out_is_the_whole_rest(desk: Desk) -> None:
    pak = await desk.pak()
    await desk.register(pak, nodes=15, units=15000)
    rest = await desk.register(pak.lower())
    assert (rest.status_code, rest.json()["nodes"], rest.json()["units"]) == (201, 5, 5000)


async def test_more_than_remains_is_refused_with_the_numbers_and_takes_nothing(desk: Desk) -> None:
    pak = await desk.pak()
    await desk.register(pak, nodes=15, units=15000)
    refused = await desk.register(pak, nodes=6, units=5000)
    assert problem_of(refused) == (409, "order-exhausted")
    assert {"remaining_nodes": 5, "remaining_units": 5000, "asked_nodes": 6}.items() <= refused.json().items()
    assert (await desk.http.get(f"/v1/paks/{pak}")).json()["remaining_nodes"] == 5


async def test_an_order_that_may_not_be_split_is_registered_whole_or_not_at_all(desk: Desk) -> None:
    pak = await desk.pak(split="denied")
    refused = await desk.register(pak, nodes=15, units=15000)
    assert problem_of(refused) == (409, "split-not-allowed")
    assert (await desk.register(pak)).status_code == 201
    assert problem_of(await desk.register(pak)) == (409, "order-exhausted")


@pytest.mark.parametrize(
    ("split", "units", "allowed"), [("by_policy", 999, False), ("by_policy", 1000, True), ("allowed", 10, True), ("denied", 5000, False)]
)
async def test_splitting_is_decided_from_the_number_of_licenses_or_by_an_override(
    desk: Desk, split: str, units: int, allowed: bool
) -> None:
    order_id = await desk.order(split=split, units=units)
    assert (await desk.http.get(f"/v1/orders/{order_id}")).json()["status"] == "requested"
    approved = (await desk.http.post(f"/v1/orders/{order_id}/approval")).json()
    assert (approved["status"], approved["split_allowed"]) == ("approved", allowed)


async def test_approving_twice_gives_the_same_pak_also_at_the_same_time(desk: Desk) -> None:
    order_id = await desk.order()
    answers = await asyncio.gather(*(desk.http.post(f"/v1/orders/{order_id}/approval") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    (pak,) = {answer.json()["pak"] for answer in answers}
    assert len(pak) == 10
    assert set(pak) <= set("23456789ABCDEFGHJKLMNPQRSTUVWXYZ")
    order = (await desk.http.get(f"/v1/orders/{order_id}")).json()
    assert (order["pak"], order["requested_by"], order["approved_by"]) == (pak, "clerk", "clerk")
    assert problem_of(await desk.http.post("/v1/orders/999999/approval")) == (404, "not-found")


async def test_an_order_without_approval_has_no_pak(desk: Desk) -> None:
    order = (await desk.http.get(f"/v1/orders/{await desk.order()}")).json()
    assert (order["pak"], order["approved_at"], order["split_allowed"]) == (None, None, False)
    assert problem_of(await desk.register("7K2M9QX4TB")) == (404, "not-found")
    assert problem_of(await desk.http.get("/v1/paks/7K2M9QX4TB")) == (404, "not-found")


async def test_thirty_registrations_of_one_pak_at_once_never_exceed_the_order(desk: Desk) -> None:
    pak = await desk.pak()
    answers = await asyncio.gather(*(desk.register(pak, nodes=1, units=900) for _ in range(30)))
    made = [answer.json() for answer in answers if answer.status_code == 201]
    refused = [answer for answer in answers if answer.status_code != 201]
    assert len(made) == 20
    assert {problem_of(answer) for answer in refused} == {(409, "order-exhausted")}
    assert len({file["license_file_id"] for file in made}) == 20
    assert (sum(file["nodes"] for file in made), sum(file["units"] for file in made)) == (20, 18000)
    seen = (await desk.http.get(f"/v1/paks/{pak}")).json()
    assert (seen["remaining_nodes"], seen["remaining_units"], seen["license_files_total"]) == (0, 2000, 20)
    assert sorted(file["share"] for file in seen["license_files"]) == list(range(1, 21))
    rest = await desk.register(pak)
    assert (rest.status_code, rest.json()["nodes"], rest.json()["units"]) == (201, 0, 2000)


async def test_thirty_orders_registered_at_once_get_thirty_different_files(desk: Desk) -> None:
    paks = await asyncio.gather(*(desk.pak() for _ in range(30)))
    assert len(set(paks)) == 30
    answers = await asyncio.gather(*(desk.register(pak) for pak in paks))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["license_file_id"] for answer in answers}) == 30


async def test_orders_and_registrations_are_listed_by_pages(desk: Desk) -> None:
    orders = [await desk.order(customer=f"Customer {n}") for n in range(5)]
    pak, other = await desk.pak(), await desk.pak()
    files = [(await desk.register(pak, nodes=1, units=1)).json()["license_file_id"] for _ in range(3)]
    await desk.register(other)

    async def listed(path: str, member: str, **params: str) -> list[str]:
        found: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = (await desk.http.get(path, params={"limit": 2, **params, **({"cursor": cursor} if cursor else {})})).json()
            found += [item[member] for item in page["items"]]
            cursor = page["next_cursor"]
        return found

    assert (await listed("/v1/orders", "order_id"))[:5] == orders
    assert await listed("/v1/registrations", "license_file_id", pak=pak) == files
    assert len(await listed("/v1/registrations", "license_file_id")) == 4
    one = (await desk.http.get(f"/v1/registrations/{files[0]}")).json()
    assert {"license_file_id": files[0], "made_by": "clerk", "email": "it@example.com", "replaced_by": None}.items() <= one.items()


async def test_a_repeated_registration_with_the_same_key_gives_the_same_file(desk: Desk) -> None:
    pak = await desk.pak()
    answers = await asyncio.gather(*(desk.register(pak, nodes=1, units=10, headers={"Idempotency-Key": "k1"}) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["license_file_id"] for answer in answers}) == 1
    assert (await desk.http.get(f"/v1/paks/{pak}")).json()["remaining_nodes"] == 19
    other = await desk.register(pak, nodes=2, units=10, headers={"Idempotency-Key": "k1"})
    assert problem_of(other) == (422, "idempotency-key-reused")


async def test_temporary_licenses_are_registered_until_they_expire(desk: Desk, clock: TestClock) -> None:
    last_day = clock.now().date() + timedelta(days=30)
    pak = await desk.pak(expires=last_day.isoformat())
    made = await desk.register(pak, nodes=1, units=100)
    assert {line.expiry for line in await desk.lines(made.json()["license_file_id"])} == {last_day}
    clock.advance(timedelta(days=31))
    assert problem_of(await desk.register(pak)) == (409, "order-expired")
