"""License files by e-mail: what arrives, how often, and what becomes of mails that nobody takes. Against a real SMTP server."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, eventually, running
from tests.service.registration.desk import CALLER, EMAIL, MAC, OTHER_MAC, Desk, desk_app, problem_of
from tests.service.registration.mail_room import SENDER, MailRoom, mail_room

Open = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture
async def room() -> AsyncIterator[MailRoom]:
    async with mail_room() as opened:
        yield opened


@pytest.fixture
def opened(database_url: str, tmp_path: Path, bus: RememberingBus, clock: TestClock, metrics: Metrics) -> Open:
    """Opens a desk with these settings; several times in one test it is the same desk, started again."""

    @asynccontextmanager
    async def open_desk(**changes: Any) -> AsyncIterator[Desk]:
        async with running(desk_app(database_url, tmp_path, bus, clock, metrics, **changes)) as client:
            client.headers.update(CALLER)
            yield Desk(client, tmp_path)

    return open_desk


async def deliveries(desk: Desk, **chosen: str) -> list[dict[str, Any]]:
    answer = await desk.http.get("/v1/deliveries", params=chosen)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def until(desk: Desk, state: str, **chosen: str) -> dict[str, Any]:
    """Wait until a delivery is in this state."""

    async def look() -> list[dict[str, Any]]:
        return await deliveries(desk, state=state, **chosen)

    return (await eventually(look, f"a delivery that is {state}"))[-1]


async def test_the_file_arrives_byte_for_byte_with_a_text_that_stands_alone(opened: Open, room: MailRoom) -> None:
    async with opened(**room.settings) as desk:
        pak = await desk.pak(customer="Müller & Söhne")
        made = (await desk.register(pak, nodes=15, units=15000)).json()
        assert made["delivery"] == "waiting"
        await room.got()
        sent = await until(desk, "sent")
        content = await desk.file(made["license_file_id"])
    name, attached = room.attached()
    assert (name, attached) == (made["file_name"], content)
    assert hashlib.sha256(attached).hexdigest() == made["sha256"]
    assert room.recipients == [EMAIL]
    message = room.message()
    assert (message["From"], message["To"]) == (SENDER, EMAIL)
    assert message["Subject"] == f"License file {made['file_name']} for Müller & Söhne"
    assert message["Auto-Submitted"] == "auto-generated"
    body = message.get_body()
    assert body is not None
    said = body.get_content().replace("\r\n", "\n")
    for fact in ("Müller & Söhne", made["license_file_id"], MAC, "15\n", "15000 (and up to 750 more", "permanently", made["sha256"]):
        assert fact in said
    assert "System > Licensing > License File Upload" in said
    assert "replaces" not in said
    assert {"state": "sent", "attempts": 1, "email": EMAIL, "last_answer": "250 2.0.0 Ok: queued as 4711"}.items() <= sent.items()
    assert sent["next_attempt_at"] is None
    assert sent["sent_at"] is not None


async def test_a_rehost_and_a_migration_are_sent_too_and_a_rehost_says_what_it_replaces(opened: Open, room: MailRoom) -> None:
    async with opened(**room.settings) as desk:
        first = (await desk.register(await desk.pak())).json()["license_file_id"]
        await room.got(1)
        moved = (await desk.rehost(first, OTHER_MAC, email="other@example.com")).json()
        assert moved["delivery"] == "waiting"
        await room.got(2)
    body = room.message().get_body()
    assert body is not None
    assert f"It replaces license file {first}" in body.get_content()
    assert room.attached()[0] == moved["file_name"]
    assert room.recipients == [EMAIL, "other@example.com"]


async def test_without_a_mail_server_nothing_is_stored_or_sent_and_the_file_is_downloaded(desk: Desk) -> None:
    made = (await desk.register(await desk.pak())).json()
    assert made["delivery"] == "off"
    assert await deliveries(desk) == []
    assert await desk.file(made["license_file_id"])
    refused = await desk.http.post(f"/v1/registrations/{made['license_file_id']}/delivery", json={})
    assert problem_of(refused) == (409, "mail-is-off")
    assert await deliveries(desk) == []


async def test_a_refused_registration_sends_nothing(opened: Open, room: MailRoom) -> None:
    async with opened(**room.settings) as desk:
        pak = await desk.pak()
        assert problem_of(await desk.register(pak, nodes=21)) == (409, "order-exhausted")
        assert await deliveries(desk) == []


async def test_a_server_that_hangs_delays_no_registration_and_the_mail_is_tried_again(
    opened: Open, room: MailRoom, clock: TestClock
) -> None:
    room.hangs_at = "RCPT"
    async with opened(**room.settings, smtp_timeout_seconds=0.3) as desk:
        pak = await desk.pak()
        made = [(await desk.register(pak, nodes=1, units=10)) for _ in range(6)]
        assert {answer.status_code for answer in made} == {201}
        failed = await until(desk, "failed")
        assert failed["last_answer"] == "The mail server did not answer in 0.3 s."
        assert room.mails == []
        room.hangs_at = None
        room.let_go.set()
        clock.advance(timedelta(minutes=1))
        await room.got(6)
    assert {name for name, _ in (room.attached(number) for number in range(6))} == {answer.json()["file_name"] for answer in made}


async def test_pauses_grow_until_it_is_given_up_after_most_of_a_day(opened: Open, room: MailRoom, clock: TestClock) -> None:
    room.answers = ["451 4.3.0 try later"] * 10
    pauses = [1, 5, 15, 60, *[240] * 5]
    async with opened(**room.settings) as desk:
        await desk.register(await desk.pak())
        for attempt, minutes in enumerate(pauses, start=1):
            await room.was_tried(attempt)
            failed = await until(desk, "failed")
            assert (failed["attempts"], failed["last_answer"]) == (attempt, "451 4.3.0 try later")
            clock.advance(timedelta(minutes=minutes))
        given_up = await until(desk, "given_up")
        assert (given_up["attempts"], given_up["next_attempt_at"], given_up["last_answer"]) == (10, None, "451 4.3.0 try later")
        again = await desk.http.post(f"/v1/registrations/{given_up['license_file_id']}/delivery", json={"reason": "it is back"})
        assert again.status_code == 201
        await room.got()
    assert room.tried == 11


@pytest.mark.parametrize("refusing", ["recipient", "content"])
async def test_what_is_refused_for_good_is_given_up_at_once_with_the_servers_words(opened: Open, room: MailRoom, refusing: str) -> None:
    words = "550 5.1.1 no such person here"
    if refusing == "recipient":
        room.answers = [words]
    else:
        room.data_answer = words
    async with opened(**room.settings) as desk:
        made = (await desk.register(await desk.pak())).json()
        given_up = await until(desk, "given_up")
        assert (given_up["attempts"], given_up["last_answer"]) == (1, words)
        assert room.mails == []
        room.data_answer = "250 Ok"
        body = {"email": "right@example.com", "reason": "the address was wrong"}
        again = await desk.http.post(f"/v1/registrations/{made['license_file_id']}/delivery", json=body)
        assert again.status_code == 201
        assert {"state": "waiting", "requested_by": "clerk", **body}.items() <= again.json().items()
        await room.got()
        assert (await until(desk, "sent"))["email"] == "right@example.com"
    assert room.recipients == ["right@example.com"]
    assert room.message()["To"] == "right@example.com"


async def test_a_server_that_hangs_up_after_taking_the_mail_gets_the_same_mail_again(
    opened: Open, room: MailRoom, clock: TestClock
) -> None:
    """At least once: nobody knows whether the server has it. The repetition can be known by its Message-ID."""
    room.hangs_up_after_data = True
    async with opened(**room.settings) as desk:
        await desk.register(await desk.pak())
        await until(desk, "failed")
        room.hangs_up_after_data = False
        clock.advance(timedelta(minutes=1))
        await until(desk, "sent")
    assert len(room.mails) == 2
    assert room.mails[0] == room.mails[1]
    assert room.message(0)["Message-ID"] == room.message(1)["Message-ID"]


async def test_a_mail_that_is_sent_again_by_hand_is_a_new_one(opened: Open, room: MailRoom) -> None:
    """A receiving server throws away what it has seen; what somebody asked for must get through."""
    async with opened(**room.settings) as desk:
        made = (await desk.register(await desk.pak())).json()["license_file_id"]
        await until(desk, "sent")
        assert (await desk.http.post(f"/v1/registrations/{made}/delivery", json={})).status_code == 201
        await room.got(2)
        assert len(await deliveries(desk, license_file_id=made)) == 2
    assert room.message(0)["Message-ID"] != room.message(1)["Message-ID"]


async def test_deliveries_wait_through_a_restart_and_through_a_time_without_a_server(
    opened: Open, room: MailRoom, clock: TestClock
) -> None:
    room.answers = ["421 4.3.2 closing"]
    async with opened(**room.settings) as desk:
        made = (await desk.register(await desk.pak())).json()
        await until(desk, "failed")
    async with opened() as desk:
        assert [one["state"] for one in await deliveries(desk)] == ["failed"]
    clock.advance(timedelta(minutes=1))
    async with opened(**room.settings) as desk:
        await until(desk, "sent")
    assert room.attached()[0] == made["file_name"]


async def test_of_two_processes_each_mail_is_sent_by_one(opened: Open, room: MailRoom) -> None:
    async with opened(**room.settings) as desk, opened(**room.settings, make_signing_key=False) as other:
        pak = await desk.pak()
        made = await asyncio.gather(*(one.register(pak, nodes=1, units=10) for one in (desk, other) * 8))
        assert {answer.status_code for answer in made} == {201}
        await room.got(16)

        async def look() -> bool:
            return len(await deliveries(desk, state="sent")) == 16

        await eventually(look, "all are sent")
    assert len({room.message(number)["Message-ID"] for number in range(16)}) == len(room.mails) == 16


async def test_a_file_that_was_replaced_before_it_was_sent_is_not_sent_any_more(opened: Open, room: MailRoom, clock: TestClock) -> None:
    room.answers = ["451 4.3.0 try later"]
    async with opened(**room.settings) as desk:
        first = (await desk.register(await desk.pak())).json()["license_file_id"]
        await until(desk, "failed")
        second = (await desk.rehost(first)).json()["license_file_id"]
        (ended,) = await deliveries(desk, license_file_id=first)
        assert (ended["state"], ended["last_answer"]) == ("given_up", f"Replaced by {second} before it was sent.")
        clock.advance(timedelta(hours=1))
        await until(desk, "sent", license_file_id=second)
        again = await desk.http.post(f"/v1/registrations/{first}/delivery", json={})
        assert problem_of(again) == (409, "license-file-replaced")
        assert again.json()["successor"] == second
    assert [room.attached(number)[0] for number in range(len(room.mails))] == [f"{second}.lic"]


async def test_what_is_on_its_way_already_is_hurried_and_not_doubled(opened: Open, room: MailRoom) -> None:
    room.answers = ["451 4.3.0 try later"]
    async with opened(**room.settings) as desk:
        made = (await desk.register(await desk.pak())).json()["license_file_id"]
        failed = await until(desk, "failed")
        hurried = (await desk.http.post(f"/v1/registrations/{made}/delivery", json={})).json()
        assert hurried["delivery_id"] == failed["delivery_id"]
        sent = await until(desk, "sent")
        assert (sent["delivery_id"], sent["attempts"]) == (failed["delivery_id"], 2)
        assert len(await deliveries(desk)) == 1


async def test_deliveries_are_listed_by_state_and_file_page_by_page(opened: Open, room: MailRoom) -> None:
    room.answers = ["550 no", "550 no"]
    async with opened(**room.settings) as desk:
        pak = await desk.pak()
        for _ in range(3):
            await desk.register(pak, nodes=1, units=10)

        async def look() -> bool:
            return len(await deliveries(desk, state="given_up")) == 2 and len(await deliveries(desk, state="sent")) == 1

        await eventually(look, "two are given up, one is sent")
        first = (await desk.http.get("/v1/deliveries", params={"limit": 2})).json()
        rest = (await desk.http.get("/v1/deliveries", params={"limit": 2, "cursor": first["next_cursor"]})).json()
        ids = [int(one["delivery_id"]) for one in (*first["items"], *rest["items"])]
        assert ids == sorted(set(ids))
        assert len(ids) == 3
        assert (await desk.http.get("/v1/deliveries", params={"state": "lost"})).status_code == 422
        assert problem_of(await desk.http.post("/v1/registrations/20200101000000000/delivery", json={})) == (404, "not-found")


@pytest.mark.parametrize(
    "email",
    [
        "it@example.com\r\nBcc: x@y.example",
        "it@example.com\n",
        "it@example.com, x@y.example",
        "it@example.com,x.example",
        "IT <it@example.com>",
        "it@example.com>",
        "it\u2028@example.com",
        "it\x00@example.com",
        '"it"@example.com',
    ],
)
async def test_an_address_that_would_be_more_than_one_address_is_refused_at_every_door(opened: Open, room: MailRoom, email: str) -> None:
    async with opened(**room.settings) as desk:
        made = (await desk.register(await desk.pak())).json()["license_file_id"]
        answers = [
            await desk.register(await desk.pak(), email=email),
            await desk.rehost(made, email=email),
            await desk.http.post(f"/v1/registrations/{made}/delivery", json={"email": email}),
            await desk.http.post("/v1/orders", json={"customer": "x", "email": email, "product_version": "5.0", "nodes": 1, "units": 1}),
        ]
        assert {answer.status_code for answer in answers} == {422}
        await until(desk, "sent")
        assert len(await deliveries(desk)) == 1
    assert room.recipients == [EMAIL]
