"""A share goes back to its order and is made again: what was returned is void, by name, in everything made from the rest."""

import asyncio
from datetime import timedelta
from typing import Any

from services.registration.domain.returns import MOST_RETURNED
from shared.kit.clock import TestClock
from shared.license_file.migration_file import MigrationFile
from tests.service.registration.desk import MAC, OTHER_MAC, THIRD_MAC, Desk, problem_of

MIGRATION = MigrationFile(
    migration_id="MIG-0001", source_cluster="warehouse", from_version="4.2", to_version="5.0", nodes=1,
    device_types=(("cisco-7960", 10, 4),),
)  # fmt: skip


async def made(desk: Desk, pak: str, mac: str = MAC, **wanted: Any) -> str:
    answer = await desk.register(pak, mac, **wanted)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["license_file_id"])


async def test_a_returned_share_may_be_split_again_and_every_part_voids_its_whole_chain(desk: Desk) -> None:
    pak = await desk.pak()
    first = await made(desk, pak, nodes=15, units=15000)
    kept = await made(desk, pak, OTHER_MAC, nodes=5, units=5000)
    moved = (await desk.rehost(first, THIRD_MAC)).json()["license_file_id"]
    answer = await desk.give_back(moved)
    assert answer.status_code == 201, answer.text
    back = answer.json()
    assert (back["nodes"], back["units"], back["remaining_nodes"], back["remaining_units"]) == (15, 15000, 15, 15000)
    assert (back["voided"], back["returned_by"], back["reason"], back["share"]) == ([moved, first], "clerk", "the branch is closed", 1)
    parts = [await made(desk, pak, nodes=10, units=10000), await made(desk, pak, OTHER_MAC)]
    for part in parts:
        assert {line.replaces for line in await desk.lines(part)} == {(moved, first)}
    again = (await desk.rehost(parts[0], THIRD_MAC)).json()["license_file_id"]
    assert {line.replaces for line in await desk.lines(again)} == {(parts[0], moved, first)}
    assert {line.replaces for line in await desk.lines(kept)} == {()}, "what was made before is not touched"
    seen = {one["license_file_id"]: one for one in (await desk.http.get(f"/v1/paks/{pak}")).json()["license_files"]}
    assert {file: one["state"] for file, one in seen.items()} == {
        first: "replaced", kept: "current", moved: "returned", parts[0]: "replaced", parts[1]: "current", again: "current",
    }  # fmt: skip
    assert seen[moved]["returned_at"] == back["returned_at"]


async def test_a_returned_file_is_neither_rehosted_nor_returned_again_and_a_replaced_one_not_returned(desk: Desk) -> None:
    first = await made(desk, await desk.pak())
    second = (await desk.rehost(first)).json()["license_file_id"]
    refused = await desk.give_back(first)
    assert problem_of(refused) == (409, "already-rehosted")
    assert refused.json()["successor"] == second
    assert (await desk.give_back(second)).status_code == 201
    for again in (await desk.give_back(second), await desk.rehost(second, THIRD_MAC)):
        assert problem_of(again) == (409, "already-returned")
        assert "Register what remains of the PAK" in again.json()["detail"]
    assert problem_of(await desk.give_back("20200101000000000")) == (404, "not-found")
    assert (await desk.http.post(f"/v1/registrations/{second}/return", json={})).status_code == 422


async def test_an_order_that_may_not_be_split_goes_back_whole_and_is_whole_again(desk: Desk) -> None:
    pak = await desk.pak(split="denied")
    first = await made(desk, pak)
    assert (await desk.give_back(first)).status_code == 201
    assert problem_of(await desk.register(pak, nodes=1, units=10)) == (409, "split-not-allowed")
    assert {line.replaces for line in await desk.lines(await made(desk, pak))} == {(first,)}


async def test_what_was_given_free_of_charge_and_what_is_expired_goes_nowhere(desk: Desk, clock: TestClock) -> None:
    free = (await desk.migrate(MIGRATION)).json()["license_file_id"]
    assert problem_of(await desk.give_back(free)) == (409, "not-returnable")
    short = await made(desk, await desk.pak(expires=(clock.now().date() + timedelta(days=30)).isoformat()))
    clock.advance(timedelta(days=31))
    assert problem_of(await desk.give_back(short)) == (409, "order-expired")


async def test_so_many_files_of_an_order_may_be_void_by_returns_that_a_new_one_can_still_name_them(desk: Desk) -> None:
    pak = await desk.pak()
    file = await made(desk, pak)
    for number in range(MOST_RETURNED - 1):
        file = (await desk.rehost(file, f"0015C5F3{number:04X}")).json()["license_file_id"]
    assert (await desk.give_back(file)).status_code == 201
    last = await made(desk, pak)
    assert len((await desk.lines(last))[0].replaces) == MOST_RETURNED
    refused = await desk.give_back(last)
    assert problem_of(refused) == (409, "return-limit-reached")
    assert (refused.json()["returned"], refused.json()["most_returned"]) == (MOST_RETURNED + 1, MOST_RETURNED)
    assert (await desk.rehost(last)).status_code == 201


async def test_of_ten_returns_and_ten_rehosts_of_one_file_at_once_exactly_one_happens(desk: Desk) -> None:
    pak = await desk.pak()
    file = await made(desk, pak)
    calls = [call for n in range(10) for call in (desk.give_back(file), desk.rehost(file, f"0015C5F3A1{n:02X}"))]
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    order = (await desk.http.get(f"/v1/paks/{pak}")).json()
    was_returned = any("voided" in answer.json() for answer in answers)
    assert order["remaining_units"] == (20000 if was_returned else 0)
    assert order["license_files_total"] == (1 if was_returned else 2)


async def test_a_repeated_return_with_the_same_key_counts_once(desk: Desk) -> None:
    pak = await desk.pak()
    file = await made(desk, pak, nodes=15, units=15000)
    once = {"Idempotency-Key": "once"}
    answers = [await desk.http.post(f"/v1/registrations/{file}/return", json={"reason": "moved"}, headers=once) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert (await desk.http.get(f"/v1/paks/{pak}")).json()["remaining_units"] == 20000
