"""The doors of the destinations: what is taken, what is shown, and that no secret ever is."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.alarms.actions.remind import give_up_beyond
from services.alarms.clients.ways import target_of
from services.alarms.domain.destination import MOST_DESTINATIONS
from services.alarms.domain.targets import SnmpTarget
from services.alarms.store import destinations
from shared.kit.trace import CALLER_HEADER
from tests.house import logged
from tests.service.alarms.facts import Alarms, file_refused
from tests.service.alarms.receivers import Receivers, fails

DOOR = "/v1/alarm-destinations"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PEM = "-----BEGIN CERTIFICATE-----"
V3 = {"version": "v3", "user": "operator", "auth_key": "authentication-key", "priv_key": "encryption-key"}
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "syslog", "target": "udp://log.example:514"},
        {"kind": "syslog", "target": "tls://log.example", "syslog": {"format": "ciscolog"}},
        {"kind": "snmp", "target": "snmp://nms.example", "snmp": {"community": "s3cr3t-community"}},
        {"kind": "snmp", "target": "snmp://[2001:db8::1]:1162", "snmp": V3},
        {"kind": "email", "target": "mailto:operator@example.com", "after_minutes": 30},
        {"kind": "webhook", "target": "https://operations.example/a/path", "secret": SECRET},
    ],
    ids=lambda body: f"{body['kind']} {body['target']}",
)
async def test_a_destination_is_made_shown_listed_changed_and_deleted_without_showing_its_credentials(
    alarms: Alarms, body: dict[str, Any]
) -> None:
    made = await alarms.http.post(DOOR, json=body, headers={CALLER_HEADER: "alice"})
    assert made.status_code == 201, made.text
    door = f"{DOOR}/{made.json()['destination_id']}"
    one = await alarms.http.get(door)
    listed = (await alarms.http.get(DOOR)).json()["items"]
    assert listed == [one.json()]
    assert (one.json()["created_by"], one.json()["enabled"], one.json()["minimum_severity"]) == ("alice", True, "informational")
    changed = await alarms.http.put(door, json={**body, "minimum_severity": "error"}, headers={CALLER_HEADER: "bob"})
    assert (changed.status_code, changed.json()["minimum_severity"]) == (200, "error")
    assert (changed.json()["created_by"], changed.json()["changed_by"]) == ("alice", "bob")
    shown = made.text + one.text + changed.text
    for secret in (SECRET, "s3cr3t-community", "authentication-key", "encryption-key"):
        assert secret not in shown
    assert [(await alarms.http.delete(door)).status_code for _ in range(2)] == [204, 204]
    assert (await alarms.http.get(door)).status_code == 404
    assert (await alarms.http.put(door, json=body)).status_code == 404


async def test_an_engine_id_that_is_made_here_is_shown_because_the_receiver_has_to_know_it(alarms: Alarms) -> None:
    made = (await alarms.http.post(DOOR, json={"kind": "snmp", "target": "snmp://nms.example", "snmp": V3})).json()
    own = made["options"]["engine_id"]
    assert own.startswith("80007ed905")
    told = [one async for one in _targets(alarms)]
    assert told == [own]


async def _targets(alarms: Alarms) -> AsyncIterator[str | None]:
    """The engine's ids under which the destinations are told."""
    async with alarms.app.state.kit.database.transaction() as tx:
        for destination in await destinations.enabled(tx):
            target = target_of(destination, alarms.clock)
            assert isinstance(target, SnmpTarget)
            yield target.engine_id


@pytest.mark.parametrize(
    ("body", "slug", "word"),
    [
        ({"kind": "syslog", "target": "log.example:514"}, "invalid-target", "udp://host:port"),
        ({"kind": "webhook", "target": "http://x.example/"}, "target-refused", "LICENSING_ALARMS_ALLOW_PRIVATE_TARGETS=true"),
        ({"kind": "webhook", "target": "https://127.0.0.1/"}, "target-refused", "loopback"),
        ({"kind": "webhook", "target": "https://[fd00::1]/"}, "target-refused", "LICENSING_ALARMS_ALLOW_PRIVATE_TARGETS=true"),
        ({"kind": "webhook", "target": "ftp://x.example/"}, "invalid-target", "https://"),
        ({"kind": "webhook", "target": "https://user:pass@x.example/"}, "invalid-target", "password"),
        ({"kind": "email", "target": "mailto:a@b@c"}, "invalid-target", "mailto:"),
        ({"kind": "snmp", "target": "snmp://nms.example"}, "invalid-target", "community"),
        ({"kind": "snmp", "target": "snmp://nms.example", "snmp": {"user": "a", "auth_key": "short"}}, "invalid-target", "pass phrase"),
        ({"kind": "email", "target": "mailto:a@b.example", "snmp": {"community": "x"}}, "invalid-target", "leave it out"),
        ({"kind": "email", "target": "mailto:a@b.example", "secret": SECRET}, "invalid-target", "leave it out"),
        ({"kind": "syslog", "target": "tls://x.example", "syslog": {"ca_pem": f"{PEM}\0"}}, "invalid-target", "ca_pem"),
        ({"kind": "pigeon", "target": "mailto:a@b.example"}, "invalid-request", "kind"),
        ({"kind": "webhook", "target": "https://x.example/", "secret": "whsec_short"}, "invalid-request", "secret"),
        ({"kind": "webhook", "target": "https://x.example/", "after_minutes": 0}, "invalid-request", "after_minutes"),
    ],
)
async def test_what_cannot_be_told_is_refused_with_the_way_to_write_it(alarms: Alarms, body: dict[str, Any], slug: str, word: str) -> None:
    answer = await alarms.http.post(DOOR, json=body)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (422, slug), answer.text
    assert word in answer.text
    assert (await alarms.http.get(DOOR)).json()["items"] == []


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"hours": {"time_zone": "Mars/Olympus", "days": ["monday"], "opens": "08:00", "closes": "18:00"}}, "Europe/Berlin"),
        ({"hours": {"time_zone": "UTC", "days": ["monday"], "opens": "08:00Z", "closes": "18:00"}}, "without an offset"),
        ({"maintenance": [{"begins": "2026-03-14T10:00:00Z", "ends": "2026-03-14T09:00:00Z"}]}, "end later"),
    ],
)
async def test_a_schedule_that_cannot_be_kept_is_refused(alarms: Alarms, more: dict[str, Any], word: str) -> None:
    answer = await alarms.http.post(DOOR, json={"kind": "webhook", "target": "https://x.example/", **more})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:licensing:problem:invalid-schedule")
    assert word in answer.json()["detail"]


async def test_hours_and_maintenance_are_shown_as_they_were_given(alarms: Alarms) -> None:
    hours = {"time_zone": "Europe/Berlin", "days": ["monday", "friday"], "opens": "08:00:00", "closes": "18:30:00"}
    maintenance = [{"begins": "2026-03-14T09:00:00Z", "ends": "2026-03-14T10:00:00Z"}]
    given = {"kind": "webhook", "target": "https://x.example/", "hours": hours, "maintenance": maintenance}
    made = (await alarms.http.post(DOOR, json=given)).json()
    shown = (await alarms.http.get(f"{DOOR}/{made['destination_id']}")).json()
    assert (shown["hours"], shown["maintenance"]) == (hours, maintenance)


async def test_a_webhook_without_a_secret_gets_one_that_is_shown_once_and_rotated_with_an_overlap(alarms: Alarms) -> None:
    made = (await alarms.http.post(DOOR, json={"kind": "webhook", "target": "https://x.example/"})).json()
    door = f"{DOOR}/{made['destination_id']}"
    assert made["secret"].startswith("whsec_")
    with logged() as lines:
        rotated = await alarms.http.post(f"{door}/secret", json={"overlap_hours": 2})
        given = await alarms.http.post(f"{door}/secret", json={"secret": SECRET})
    assert rotated.json()["secret"] not in {made["secret"], None}
    assert given.json()["secret"] is None
    secrets = [made["secret"], rotated.json()["secret"], SECRET]
    assert not any(secret in str(lines) for secret in secrets)
    kit = alarms.app.state.kit

    async def signing() -> tuple[str, ...]:
        async with kit.database.transaction() as tx:
            found = await destinations.find(tx, UUID(made["destination_id"]))
            assert found is not None
            assert not any(secret in repr(found) for secret in secrets)
            return found.secrets_at(tx.now)

    assert await signing() == (SECRET, rotated.json()["secret"], made["secret"])
    alarms.clock.advance(timedelta(hours=3))
    assert await signing() == (SECRET, rotated.json()["secret"])
    assert (await alarms.http.put(door, json={"kind": "webhook", "target": "https://y.example/"})).status_code == 200
    alarms.clock.advance(timedelta(hours=24))
    assert await signing() == (SECRET,)


async def test_a_destination_that_becomes_a_webhook_needs_a_secret_for_nothing_would_ever_be_signed(alarms: Alarms) -> None:
    made = (await alarms.http.post(DOOR, json={"kind": "email", "target": "mailto:a@b.example"})).json()
    door, wanted = f"{DOOR}/{made['destination_id']}", {"kind": "webhook", "target": "https://x.example/"}
    answer = await alarms.http.put(door, json=wanted)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:licensing:problem:invalid-target")
    assert "secret" in answer.json()["detail"]
    assert (await alarms.http.put(door, json={**wanted, "secret": SECRET})).status_code == 200


async def test_only_webhooks_have_secrets_to_rotate(alarms: Alarms) -> None:
    made = (await alarms.http.post(DOOR, json={"kind": "email", "target": "mailto:a@b.example"})).json()
    answer = await alarms.http.post(f"{DOOR}/{made['destination_id']}/secret", json={})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:licensing:problem:no-secret-to-rotate")


async def test_there_are_no_more_destinations_than_the_limit_also_when_all_come_at_once(alarms: Alarms) -> None:
    body = {"kind": "email", "target": "mailto:a@b.example"}
    answers = await asyncio.gather(*(alarms.http.post(DOOR, json=body) for _ in range(MOST_DESTINATIONS + 5)))
    assert sorted(answer.status_code for answer in answers) == [201] * MOST_DESTINATIONS + [409] * 5


async def test_a_test_alarm_is_sent_now_and_once_and_says_what_happened(alarms: Alarms, receivers: Receivers) -> None:
    destination = await receivers.add(maintenance=[{"begins": "2020-01-01T00:00:00Z", "ends": "2099-01-01T00:00:00Z"}])
    good = await alarms.http.post(f"{DOOR}/{destination}/test", headers={CALLER_HEADER: "alice"})
    assert good.status_code == 200, good.text
    assert (good.json()["state"], good.json()["answer"], good.json()["occasion"]) == ("sent", "204", "test")
    assert "this is a test that alice asked for" in good.json()["reason"]
    receivers.answers["https://one.example/"] = fails
    bad = await alarms.http.post(f"{DOOR}/{destination}/test")
    assert (bad.json()["state"], bad.json()["answer"], bad.json()["next_attempt_at"]) == ("given_up", "500 out of order", None)
    assert [row["occasion"] for row in await receivers.deliveries()] == ["test", "test"]
    assert await alarms.listed("OverDraft") == []
    assert (await alarms.http.post(f"{DOOR}/{NOBODY}/test")).status_code == 404


async def test_deliveries_are_filtered_and_read_one_by_one(alarms: Alarms, receivers: Receivers) -> None:
    await receivers.add()
    other = await receivers.add("https://other.example/", answer=fails)
    await alarms.bus.say(file_refused(1, cluster="a"))
    await alarms.bus.say(file_refused(1, cluster="b"))
    await receivers.become(2, "sent")
    await receivers.become(2, "failed")
    assert {row["target"] for row in await receivers.deliveries(destination_id=other)} == {"https://other.example/"}
    assert {row["cluster"] for row in await receivers.deliveries(cluster="a")} == {"a"}
    alarm = next(one for one in await alarms.listed("FileError") if one["cluster"] == "b")
    rows = await receivers.deliveries(alarm_id=alarm["alarm_id"], state="failed", kind="webhook", occasion="raised")
    assert [row["cluster"] for row in rows] == ["b"]
    assert (await alarms.http.get(f"/v1/alarm-deliveries/{rows[0]['delivery_id']}")).json() == rows[0]
    assert (await alarms.http.get(f"/v1/alarm-deliveries/{NOBODY}")).status_code == 404


async def test_what_a_deleted_destination_was_owed_is_given_up_and_stays_on_record(alarms: Alarms, receivers: Receivers) -> None:
    destination = await receivers.add(answer=fails)
    await alarms.bus.say(file_refused(1))
    await receivers.become(1, "failed")
    assert (await alarms.http.delete(f"{DOOR}/{destination}")).status_code == 204
    (row,) = await receivers.become(1, "given_up")
    assert row["answer"] == "given up: the destination was deleted"


async def test_no_more_is_owed_to_one_destination_than_a_store_can_hold(alarms: Alarms, receivers: Receivers) -> None:
    await receivers.add(answer=fails)
    for number in range(5):
        await alarms.bus.say(file_refused(1, cluster=f"c{number}"))
    await receivers.become(5, "failed")
    async with alarms.app.state.kit.database.transaction() as tx:
        await give_up_beyond(tx, 3)
    assert [row["cluster"] for row in await receivers.become(2, "given_up")] == ["c0", "c1"]
    assert [row["cluster"] for row in await receivers.deliveries(state="failed")] == ["c2", "c3", "c4"]
