"""Mails that nobody takes at once: how often they are tried, by whom, and what becomes of them. Against a real SMTP server."""

import asyncio
from datetime import timedelta

import pytest

from shared.kit.clock import TestClock
from tests.house import eventually
from tests.service.registration.desk import problem_of
from tests.service.registration.mail_room import MailRoom, Open, deliveries, until


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


@pytest.mark.parametrize("ending", ["rehost", "return"])
async def test_a_file_that_became_void_while_it_was_sent_is_not_tried_again(
    opened: Open, room: MailRoom, clock: TestClock, ending: str
) -> None:
    """The server was being asked when the file was replaced or went back, and then said no: what lies there is void by now."""
    room.answers, room.hangs_at = ["451 4.3.0 try later"], "RCPT"
    async with opened(**room.settings) as desk:
        first = (await desk.register(await desk.pak())).json()["license_file_id"]
        await room.was_tried(1)
        if ending == "rehost":
            second = (await desk.rehost(first, email="new@example.com")).json()["license_file_id"]
            words = f"Replaced by {second} before it was sent."
        else:
            assert (await desk.give_back(first)).status_code == 201
            words = "Its share went back to the order before it was sent."
        room.hangs_at = None
        room.let_go.set()
        await until(desk, "failed", license_file_id=first)
        clock.advance(timedelta(hours=1))
        ended = await until(desk, "given_up", license_file_id=first)
        assert (ended["attempts"], ended["last_answer"]) == (1, words)
    assert f"{first}.lic" not in [room.attached(number)[0] for number in range(len(room.mails))]


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
