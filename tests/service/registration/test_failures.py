"""Two writers at once, and failures in the middle: nobody waits in a circle, and what was not made was not sold."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from tests.house import eventually
from tests.service.registration.desk import OTHER_MAC, THIRD_MAC, Desk, problem_of

IDS = "SELECT pg_advisory_lock(hashtextextended('registration/license-file-id', 0))"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@asynccontextmanager
async def no_id_is_given(database_url: str) -> AsyncIterator[AsyncConnection]:
    """Whoever wants the next license file's id waits until the end of this."""
    engine = create_async_engine(database_url, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            await connection.execute(text(IDS))
            yield connection
    finally:
        await engine.dispose()


async def waiting(connection: AsyncConnection, count: int) -> None:
    """Wait until ``count`` transactions wait for a lock."""

    async def look() -> bool:
        return bool((await connection.execute(text(WAITING))).scalar_one() == count)

    await eventually(look, f"{count} transactions wait for a lock")


async def test_a_rehost_and_a_registration_of_one_order_at_once_do_not_wait_for_each_other(desk: Desk, database_url: str) -> None:
    """Both take the order first and the id then: nobody holds what the other one needs next."""
    pak = await desk.pak()
    first = (await desk.register(pak, nodes=1, units=10)).json()["license_file_id"]
    async with no_id_is_given(database_url) as connection:
        rehosted = asyncio.create_task(desk.rehost(first))
        await waiting(connection, 1)
        registered = asyncio.create_task(desk.register(pak, THIRD_MAC, nodes=1, units=10))
        await waiting(connection, 2)
    assert [(await one).status_code for one in (rehosted, registered)] == [201, 201]


async def test_a_statement_names_every_file_that_was_made_before_it_a_rehost_under_way_too(desk: Desk, database_url: str) -> None:
    """The re-host has its instant and is not committed yet: a statement of a later instant that left it out would call itself complete."""
    pak = await desk.pak()
    first = (await desk.register(pak)).json()["license_file_id"]
    async with no_id_is_given(database_url) as connection:
        rehosted = asyncio.create_task(desk.rehost(first))
        await waiting(connection, 1)
        stated = asyncio.create_task(desk.http.get(f"/v1/paks/{pak}/statement"))

        async def stands_still() -> bool:
            return stated.done() or (await connection.execute(text(WAITING))).scalar_one() == 2

        await eventually(stands_still, "the statement is made or waits")
    made = (await rehosted).json()["license_file_id"]
    assert f"file {made} share 1 " in (await stated).text


async def test_rehosts_and_registrations_of_one_order_at_once_are_all_made(desk: Desk) -> None:
    pak = await desk.pak()
    files = [(await desk.register(pak, nodes=1, units=10)).json()["license_file_id"] for _ in range(6)]
    calls = [call for file in files for call in (desk.rehost(file), desk.register(pak, THIRD_MAC, nodes=1, units=10))]
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["license_file_id"] for answer in answers}) == 12
    seen = (await desk.http.get(f"/v1/paks/{pak}")).json()
    assert (seen["remaining_nodes"], seen["remaining_units"], seen["license_files_total"]) == (8, 19880, 18)


async def test_a_registration_that_fails_while_it_is_signed_takes_nothing_and_may_be_sent_again(desk: Desk) -> None:
    app = desk.http._transport.app  # type: ignore[attr-defined]
    assert isinstance(app, FastAPI)
    pak, whole = await desk.pak(), app.state.desk
    once = {"Idempotency-Key": "once"}

    def broken(_line: object) -> None:
        raise RuntimeError("the signing broke")

    app.state.desk = replace(whole, key=SimpleNamespace(sign=broken))
    failed = await asyncio.gather(*(desk.register(pak, nodes=15, units=15000, headers=once) for _ in range(3)))
    assert {problem_of(answer) for answer in failed} == {(500, "internal-error")}
    seen = (await desk.http.get(f"/v1/paks/{pak}")).json()
    assert (seen["remaining_nodes"], seen["remaining_units"], seen["license_files_total"]) == (20, 20000, 0)
    app.state.desk = whole
    made = await asyncio.gather(*(desk.register(pak, nodes=15, units=15000, headers=once) for _ in range(3)))
    assert len({answer.json()["license_file_id"] for answer in made}) == 1
    assert (await desk.http.get(f"/v1/paks/{pak}")).json()["remaining_units"] == 5000


async def test_a_refused_registration_may_be_sent_again_under_its_key(desk: Desk) -> None:
    order_id = await desk.order()
    pak = (await desk.http.post(f"/v1/orders/{order_id}/approval")).json()["pak"]
    once = {"Idempotency-Key": "once"}
    assert problem_of(await desk.register(pak, nodes=21, headers=once)) == (409, "order-exhausted")
    assert (await desk.register(pak, nodes=20, headers=once)).status_code == 201


async def test_a_rehost_writes_its_own_chain_and_touches_nobody_elses(desk: Desk) -> None:
    """Two customers, and two shares of one of them: the new file voids its own ancestors only."""
    pak = await desk.pak()
    ours, neighbour = [(await desk.register(pak, nodes=1, units=10)).json()["license_file_id"] for _ in range(2)]
    theirs = (await desk.register(await desk.pak(customer="Another Ltd"))).json()["license_file_id"]
    moved = {file: (await desk.rehost(file)).json()["license_file_id"] for file in (theirs, ours, neighbour)}
    again = (await desk.rehost(moved[ours], THIRD_MAC)).json()["license_file_id"]
    for line in await desk.lines(again):
        assert line.replaces == (moved[ours], ours)
    for other in (theirs, neighbour):
        assert {line.replaces for line in await desk.lines(moved[other])} == {(other,)}
        kept = (await desk.http.get(f"/v1/registrations/{moved[other]}")).json()
        assert (kept["mac"], kept["replaced_by"]) == (OTHER_MAC, None)
