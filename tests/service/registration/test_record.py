"""The desk's record: every act with caller, time and reason, and nobody changes it."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from services.registration.app import MIGRATIONS
from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from shared.kit.migrations import migrate
from tests.house import RememberingBus, running
from tests.service.registration.desk import CALLER, OTHER_MAC, Desk, desk_app, problem_of
from tests.service.registration.mail_room import mail_room
from tests.service.registration.test_migrations import MIGRATION


async def acts(desk: Desk, **chosen: Any) -> list[dict[str, Any]]:
    answer = await desk.http.get("/v1/desk-record", params={"direction": "oldest_first", **chosen})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def test_requests_approvals_registrations_and_rehosts_are_kept_with_caller_time_and_reason(desk: Desk) -> None:
    order_id = await desk.order(reason="quote 17")
    approval = await desk.http.post(f"/v1/orders/{order_id}/approval", json={"reason": "paid"}, headers={"licensing-caller": "chief"})
    pak = approval.json()["pak"]
    first = (await desk.register(pak, nodes=1, units=10, reason="for the branch")).json()["license_file_id"]
    second = (await desk.rehost(first, OTHER_MAC)).json()["license_file_id"]
    kept = await acts(desk)
    assert [(one["act"], one["caller"], one["reason"], one["license_file_id"]) for one in kept] == [
        ("order_requested", "clerk", "quote 17", None),
        ("order_approved", "chief", "paid", None),
        ("license_registered", "clerk", "for the branch", first),
        ("license_rehosted", "clerk", "the first node failed", second),
    ]
    assert {(one["order_id"], one["pak"]) for one in kept} == {(order_id, pak)}
    assert (await desk.http.get(f"/v1/registrations/{first}")).json()["reason"] == "for the branch"
    times = [one["at"] for one in kept]
    assert times == sorted(times)
    assert [one["act_id"] for one in await acts(desk, direction="newest_first")] == [one["act_id"] for one in reversed(kept)]


async def test_what_is_refused_repeated_or_read_leaves_no_act(desk: Desk) -> None:
    once = {"Idempotency-Key": "once"}
    order_id = await desk.order()
    for _ in range(2):
        pak = (await desk.http.post(f"/v1/orders/{order_id}/approval")).json()["pak"]
        await desk.register(pak, nodes=1, units=10, headers=once)
    assert problem_of(await desk.register(pak, nodes=21)) == (409, "order-exhausted")
    assert [one["act"] for one in await acts(desk)] == ["order_requested", "order_approved", "license_registered"]


async def test_a_migration_that_waits_is_a_request_until_somebody_approves_it(
    database_url: str, tmp_path: Path, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    async with running(desk_app(database_url, tmp_path, bus, clock, metrics, migration_approval_units=0)) as client:
        client.headers.update(CALLER)
        desk = Desk(client, tmp_path)
        waiting = await desk.migrate(MIGRATION)
        assert problem_of(waiting) == (409, "migration-awaits-approval")
        assert [one["act"] for one in await acts(desk)] == ["order_requested"]
        await client.post(f"/v1/orders/{waiting.json()['order_id']}/approval", json={"reason": "seen on site"})
        assert (await desk.migrate(MIGRATION)).status_code == 201
        kept = await acts(desk)
    assert [(one["act"], one["reason"], one["pak"]) for one in kept] == [
        ("order_requested", None, None),
        ("order_approved", "seen on site", None),
        ("license_registered", None, None),
    ]


async def test_a_small_migration_is_approved_by_the_policy_and_the_record_says_so(desk: Desk) -> None:
    assert (await desk.migrate(MIGRATION)).status_code == 201
    assert [(one["act"], one["reason"]) for one in await acts(desk)] == [
        ("order_requested", None),
        ("order_approved", "within what is free without approval"),
        ("license_registered", None),
    ]


async def test_a_mail_that_is_asked_for_again_is_an_act(
    database_url: str, tmp_path: Path, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    async with mail_room() as room, running(desk_app(database_url, tmp_path, bus, clock, metrics, **room.settings)) as client:
        desk = Desk(client, tmp_path)
        made = (await desk.register(await desk.pak())).json()["license_file_id"]
        await client.post(f"/v1/registrations/{made}/delivery", json={"reason": "lost"})
        assert {"act": "delivery_requested", "license_file_id": made, "reason": "lost"}.items() <= (await acts(desk))[-1].items()


async def test_the_record_is_read_by_order_by_pak_and_page_by_page(desk: Desk) -> None:
    paks = [await desk.pak() for _ in range(3)]
    for pak in paks:
        await desk.register(pak)
    ours = await acts(desk, pak=paks[1].lower())
    assert [one["act"] for one in ours] == ["order_requested", "order_approved", "license_registered"]
    assert await acts(desk, order_id=ours[0]["order_id"]) == ours
    for direction in ("oldest_first", "newest_first"):
        found: list[str] = []
        cursor: str | None = None
        while True:
            chosen = {"limit": 2, "direction": direction, **({"cursor": cursor} if cursor else {})}
            page = (await desk.http.get("/v1/desk-record", params=chosen)).json()
            found += [one["act_id"] for one in page["items"]]
            if (cursor := page["next_cursor"]) is None:
                break
        assert [int(one) for one in found] == sorted(map(int, found), reverse=direction == "newest_first")
        assert len(set(found)) == 9
    assert await acts(desk, pak="NOSUCHPAK") == []
    assert (await desk.http.get("/v1/desk-record", params={"order_id": "x"})).status_code == 422


@pytest.mark.parametrize(
    "change", ["UPDATE registration.desk_act SET reason = 'another'", "DELETE FROM registration.desk_act", "TRUNCATE registration.desk_act"]
)
async def test_nobody_changes_the_record(desk: Desk, database_url: str, change: str) -> None:
    await desk.order()
    engine = create_async_engine(database_url)
    try:
        async with engine.begin() as connection:
            with pytest.raises(DBAPIError, match="the record is only ever appended to"):
                await connection.execute(text(change))
    finally:
        await engine.dispose()


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("INSERT INTO registration.desk_act (act, order_id, caller, at) VALUES ('dreamt', 1, 'a', now())", "desk_act_known|names_its_file"),
        ("INSERT INTO registration.desk_act (act, order_id, caller, at) VALUES ('license_registered', 1, 'a', now())", "names_its_file"),
        ("UPDATE registration.delivery SET state = 'sent', attempts = 1, next_attempt_at = NULL", "delivery_sent_at_when_sent"),
        ("UPDATE registration.delivery SET next_attempt_at = NULL", "delivery_due_while_open"),
        ("UPDATE registration.delivery SET state = 'lost', next_attempt_at = NULL", "delivery_state_known"),
        ("UPDATE registration.delivery SET state = 'failed'", "delivery_attempts_counted"),
        ("UPDATE registration.delivery SET last_answer = repeat('x', 501)", "delivery_answer_bounded"),
    ],
)
async def test_the_store_refuses_acts_and_deliveries_that_the_rules_forbid(desk: Desk, database_url: str, change: str, check: str) -> None:
    made = (await desk.register(await desk.pak())).json()["license_file_id"]
    engine = create_async_engine(database_url)
    waiting = (
        "INSERT INTO registration.delivery (license_file_id, email, state, attempts, next_attempt_at, requested_by, requested_at) "
        f"VALUES ('{made}', 'it@example.com', 'waiting', 0, now(), 'a', now())"
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(text(waiting))
            with pytest.raises(IntegrityError, match=check):
                await connection.execute(text(change))
    finally:
        await engine.dispose()


async def _desk_of_the_release_before(connection: AsyncConnection) -> None:
    """Back to before there was a record: its table gone, the rows of orders and files there."""
    await connection.execute(text("DROP TABLE registration.desk_act"))
    await connection.execute(text("DROP FUNCTION registration.refuse_change_of_record"))
    await connection.execute(text("UPDATE registration.schema_version SET version_num = '0005'"))


async def test_what_was_done_before_there_was_a_record_is_taken_over(desk: Desk, database_url: str) -> None:
    """From the rows of the release before; only the reasons that were not asked for then are missing."""
    await desk.order()
    first = (await desk.register(await desk.pak())).json()["license_file_id"]
    await desk.rehost(first)
    before = await acts(desk)
    engine = create_async_engine(database_url)
    try:
        async with engine.begin() as connection:
            await _desk_of_the_release_before(connection)
    finally:
        await engine.dispose()
    await migrate(database_url, "registration", MIGRATIONS)

    def without_ids(kept: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{name: value for name, value in one.items() if name != "act_id"} for one in kept]

    assert without_ids(await acts(desk)) == without_ids(before)


async def test_a_returned_share_is_on_record_with_its_reason(desk: Desk) -> None:
    made = (await desk.register(await desk.pak(), nodes=1, units=10)).json()["license_file_id"]
    assert (await desk.give_back(made, "the branch closed")).status_code == 201
    last = (await acts(desk))[-1]
    assert (last["act"], last["license_file_id"], last["reason"], last["caller"]) == ("share_returned", made, "the branch closed", "clerk")
