"""The doors of the alarms: listing, one alarm, acknowledgement, catalogue, and what they do with bad input."""

import asyncio
from typing import Any

import pytest

from shared.contracts.events.alarms import AlarmRaised
from shared.kit.trace import CALLER_HEADER
from tests.service.alarms.facts import Alarms, file_installed, file_refused, store_failed

NOBODY = "00000000-0000-4000-8000-000000000000"


async def test_alarms_are_listed_newest_first_by_pages_and_filtered(alarms: Alarms) -> None:
    for number in range(5):
        await alarms.bus.say(file_refused(number, cluster=f"cluster-{number}"))
    await alarms.bus.say(file_installed(9, cluster="cluster-2"))
    await alarms.bus.say(store_failed(1))
    listed: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await alarms.http.get("/v1/alarms", params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
        listed += [item["subject"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert listed == ["ledger", *(f"cluster-{number}" for number in (4, 3, 2, 1, 0))]

    async def subjects(**filters: str) -> list[str]:
        return [item["subject"] for item in (await alarms.http.get("/v1/alarms", params=filters)).json()["items"]]

    assert await subjects(state="cleared") == ["cluster-2"]
    assert await subjects(state="active", name="CiscoLicenseDataStoreError") == ["ledger"]
    assert await subjects(cluster="cluster-3") == ["cluster-3"]
    assert await subjects(cluster="nowhere") == []


async def test_one_alarm_is_read_by_its_id(alarms: Alarms) -> None:
    await alarms.bus.say(file_refused(1))
    listed = await alarms.only("FileError")
    one = await alarms.http.get(f"/v1/alarms/{listed['alarm_id']}")
    assert (one.status_code, one.json()) == (200, listed)
    nobody = await alarms.http.get(f"/v1/alarms/{NOBODY}")
    assert (nobody.status_code, nobody.json()["type"]) == (404, "urn:licensing:problem:not-found")


async def test_an_acknowledged_alarm_stands_and_a_repeat_does_not_un_acknowledge_it(alarms: Alarms) -> None:
    await alarms.bus.say(file_refused(1))
    door = f"/v1/alarms/{(await alarms.only('FileError'))['alarm_id']}/acknowledgement"
    first = await alarms.http.post(door, json={"comment": "asked for a new file"}, headers={CALLER_HEADER.encode(): "Büro 100%".encode()})
    assert first.status_code == 200
    assert (first.json()["state"], first.json()["acknowledged_by"]) == ("acknowledged", "Büro 100%")
    again = await alarms.http.post(door, headers={CALLER_HEADER: "bob"})
    assert (again.status_code, again.json()) == (200, first.json())
    await alarms.bus.say(file_refused(2))
    assert await alarms.states("FileError") == [("acknowledged", 2)]
    assert await alarms.active("FileError", "error", "headquarters") == 1
    await alarms.bus.say(file_installed(3))
    over = await alarms.only("FileError")
    assert (over["state"], over["comment"], over["acknowledged_by"]) == ("cleared", "asked for a new file", "Büro 100%")
    late = await alarms.http.post(door)
    assert (late.status_code, late.json()["type"]) == (409, "urn:licensing:problem:alarm-cleared")
    assert (late.json()["subject"], late.json()["cleared_at"]) == ("headquarters", "2026-03-14T09:00:03+00:00")


async def test_forty_acknowledgements_at_once_are_one(alarms: Alarms) -> None:
    await alarms.bus.say(file_refused(1))
    door = f"/v1/alarms/{(await alarms.only('FileError'))['alarm_id']}/acknowledgement"
    answers = await asyncio.gather(*(alarms.http.post(door, headers={CALLER_HEADER: f"caller-{n}"}) for n in range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["acknowledged_by"] for answer in answers}) == 1


async def test_refusals_told_by_forty_deliveries_at_once_are_one_alarm(alarms: Alarms) -> None:
    await asyncio.gather(*(alarms.bus.say(file_refused(second)) for second in range(40)))
    assert await alarms.states("FileError") == [("active", 40)]
    assert len(await alarms.bus.hear(AlarmRaised)) == 1


async def test_the_catalogue_lists_the_seven_alarms(alarms: Alarms) -> None:
    page = (await alarms.http.get("/v1/alarm-catalogue")).json()
    assert len(page["items"]) == 7
    assert page["next_cursor"] is None
    assert page["items"][0] == {
        "name": "CiscoLicenseManagerDown",
        "severity": "error",
        "level": 3,
        "meaning": "License Manager is down and license provisioning will fail",
        "recommended_action": "Start the License Manager service on the named node",
    }


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/alarms?state=standing", None),
        ("GET", "/v1/alarms?name=CiscoLicenseNoSuch", None),
        ("GET", "/v1/alarms?cluster=", None),
        ("GET", "/v1/alarms?cluster=a%2Fb", None),
        ("GET", "/v1/alarms?cluster=a%00b", None),
        ("GET", "/v1/alarms?cluster=" + "x" * 300, None),
        ("GET", "/v1/alarms?limit=0", None),
        ("GET", "/v1/alarms?limit=201", None),
        ("GET", "/v1/alarms?limit=99999999999999999999999", None),
        ("GET", "/v1/alarms?cursor=nonsense", None),
        ("GET", "/v1/alarms?cursor=WyJhIl0", None),
        ("GET", "/v1/alarms?cursor=Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTld", None),
        ("GET", "/v1/alarms/nonsense", None),
        ("POST", f"/v1/alarms/{'9' * 300}/acknowledgement", None),
        ("POST", f"/v1/alarms/{NOBODY}/acknowledgement", b'{"comment": 5}'),
        ("POST", f"/v1/alarms/{NOBODY}/acknowledgement", b'{"comment": ""}'),
        ("POST", f"/v1/alarms/{NOBODY}/acknowledgement", b'{"comment": "a\\u0000b"}'),
        ("POST", f"/v1/alarms/{NOBODY}/acknowledgement", b'{"comment": "\\ud800"}'),
        ("POST", f"/v1/alarms/{NOBODY}/acknowledgement", b'{"comment": "' + b"x" * 1001 + b'"}'),
        ("POST", f"/v1/alarms/{NOBODY}/acknowledgement", b'{"remark": "misspelt"}'),
        ("POST", f"/v1/alarms/{NOBODY}/acknowledgement", b"[1]"),
        ("POST", f"/v1/alarms/{NOBODY}/acknowledgement", b"{"),
    ],
)
async def test_bad_input_is_answered_with_a_problem_that_says_what_is_wrong(
    alarms: Alarms, method: str, path: str, body: bytes | None
) -> None:
    headers = {"content-type": "application/json"} if body is not None else {}
    answer = await alarms.http.request(method, path, content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    problem: dict[str, Any] = answer.json()
    assert problem["type"] in {"urn:licensing:problem:invalid-request", "urn:licensing:problem:invalid-cursor"}
    assert problem["detail"]


async def test_an_acknowledgement_of_nothing_is_404(alarms: Alarms) -> None:
    answer = await alarms.http.post(f"/v1/alarms/{NOBODY}/acknowledgement", json={"comment": "two\nlines"})
    assert answer.status_code == 404
