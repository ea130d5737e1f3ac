"""License files by e-mail: what arrives, what is listed, and what is refused. Against a real SMTP server."""

import hashlib

import pytest

from tests.house import eventually
from tests.service.registration.desk import EMAIL, MAC, OTHER_MAC, Desk, problem_of
from tests.service.registration.mail_room import SENDER, MailRoom, Open, deliveries, until
from tests.service.registration.test_migrations import MIGRATION


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
        free = (await desk.migrate(MIGRATION)).json()
        assert free["delivery"] == "waiting"
        await room.got(3)
    assert room.attached()[0] == free["file_name"]
    assert room.recipients == [EMAIL, "other@example.com", EMAIL]


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


async def test_a_mail_that_is_sent_again_by_hand_is_a_new_one(opened: Open, room: MailRoom) -> None:
    """A receiving server throws away what it has seen; what somebody asked for must get through."""
    async with opened(**room.settings) as desk:
        made = (await desk.register(await desk.pak())).json()["license_file_id"]
        await until(desk, "sent")
        assert (await desk.http.post(f"/v1/registrations/{made}/delivery", json={})).status_code == 201
        await room.got(2)
        assert len(await deliveries(desk, license_file_id=made)) == 2
    assert room.message(0)["Message-ID"] != room.message(1)["Message-ID"]


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
