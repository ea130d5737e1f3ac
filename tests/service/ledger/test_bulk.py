"""Thousands of devices in one request and one transaction: each has its outcome, or all of them or none."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.contracts.events.ledger import PoolChanged, RequestRefused
from tests.service.ledger.conftest import LedgerUnderTest

OUT, IN = "/v1/clusters/hq/check-outs", "/v1/clusters/hq/check-ins"
NDJSON = {"content-type": "application/x-ndjson"}


def phones(count: int, device_type: str = "phone-1") -> list[dict[str, str]]:
    return [{"device": f"SEP{n}", "device_type": device_type} for n in range(count)]


async def test_each_device_has_its_outcome_and_the_pool_is_told_of_once(ledger: LedgerUnderTest) -> None:
    await ledger.put("known", "phone-4")
    await ledger.put("changed", "phone-4")
    wanted = [
        {"device": "known", "device_type": "phone-4"},
        {"device": "changed", "device_type": "phone-5"},
        {"device": "new", "device_type": "soft"},
        {"device": "pc", "device_type": "soft", "adjunct_of": "new"},
        {"device": "odd", "device_type": "no-such"},
        *phones(40),
    ]
    answer = (await ledger.http.post(OUT, json={"devices": wanted})).json()
    told = [(r["device"], r["outcome"], r["units"]) for r in answer["results"]]
    assert told[:5] == [
        ("known", "unchanged", 4),
        ("changed", "repriced", 5),
        ("new", "checked_out", 3),
        ("pc", "checked_out", 1),
        ("odd", "refused", 0),
    ]
    assert [outcome for _, outcome, _ in told[5:]] == ["checked_out"] * 37 + ["refused"] * 3
    assert (answer["checked_out"], answer["refused"], answer["pool"]["used"], answer["pool"]["remaining"]) == (39, 4, 50, 0)
    problem = answer["results"][-1]["problem"]
    assert (problem["type"], problem["status"], problem["asked"], problem["free"]) == ("urn:licensing:problem:units-exhausted", 409, 1, 0)
    assert answer["results"][4]["problem"]["type"] == "urn:licensing:problem:unknown-device-type"
    (refused,) = await ledger.bus.hear(RequestRefused)
    assert (refused.name, refused.count, refused.asked, refused.version) == ("SEP37", 3, 1, 4)
    changes = [fact for fact in await ledger.bus.hear(PoolChanged, 4) if fact.feature == "PHONE_UNIT"]
    assert [fact.version for fact in changes] == [1, 2, 3, 4]
    await ledger.assert_sums()


async def test_all_of_them_or_none(ledger: LedgerUnderTest) -> None:
    refused = await ledger.http.post(OUT, json={"devices": phones(51), "atomic": True})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:licensing:problem:atomic-refused")
    assert (refused.json()["refused"], refused.json()["of"]) == (1, 51)
    assert await ledger.pool() == (50, 0, 0, "within")
    assert (await ledger.bus.hear(RequestRefused))[0].name == "SEP50"
    done = await ledger.http.post(OUT, json={"devices": phones(50), "atomic": True})
    assert (done.status_code, done.json()["checked_out"]) == (200, 50)
    back = await ledger.http.post(IN, json={"devices": ["SEP0", "SEP1", "none"], "atomic": True})
    assert [r["outcome"] for r in back.json()["results"]] == ["checked_in", "checked_in", "gone"]
    assert (await ledger.http.get("/v1/clusters/hq/journal/verification")).json()["intact"] is True
    await ledger.assert_sums()


@pytest.mark.parametrize("count", [450, 1200])  # by arrays, and by COPY
async def test_however_many_they_are_what_is_written_is_the_same(ledger: LedgerUnderTest, count: int) -> None:
    await ledger.install(1, ("PHONE_UNIT", 10_000, 0))
    first = await ledger.http.post(OUT, json={"devices": phones(count)})
    assert first.json()["checked_out"] == count
    softs = [{"device": "pc", "device_type": "soft", "adjunct_of": "SEP1"}, {"device": "x", "device_type": "soft"}]
    again = [*phones(count // 2, "phone-4"), *softs]
    second = (await ledger.http.post(OUT, json={"devices": again})).json()
    assert second["pool"]["used"] == count // 2 * 4 + count - count // 2 + 1 + 3
    names = ["SEP1", "pc", *(f"SEP{n}" for n in range(count))]
    third = (await ledger.http.post(IN, json={"devices": names})).json()
    assert (third["results"][0]["outcome"], third["results"][0]["units"], third["checked_in"]) == ("refused", 0, count + 1)
    assert await ledger.pool() == (10_000, 0, 3, "within")
    verdict = (await ledger.http.get("/v1/clusters/hq/journal/verification")).json()
    assert verdict["intact"] is True
    assert verdict["entries"] > count * 2
    await ledger.assert_sums()


async def test_ndjson_is_read_as_it_arrives_in_pieces_that_end_anywhere(ledger: LedgerUnderTest) -> None:
    lines = "".join(json.dumps(phone) + "\n" for phone in phones(30))
    text = f'{lines}\r\n{{"device": "Büro", "device_type": "phone-4"}}'.encode()

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(text), 7):
            yield text[at : at + 7]

    answer = await ledger.http.post(OUT, content=pieces(), headers=NDJSON)
    assert (answer.status_code, answer.json()["checked_out"], answer.json()["pool"]["used"]) == (200, 31, 34)
    back = await ledger.http.post(IN, params={"atomic": "true"}, content=b'"SEP1"\n"SEP2"\n', headers=NDJSON)
    assert (back.status_code, back.json()["checked_in"]) == (200, 2)


@pytest.mark.parametrize(
    ("path", "text", "where"),
    [
        (OUT, b'{"device": "a"}\n', "body.line 1.device_type"),
        (OUT, b'\n{"device": "a", "device_type": "b", "more": 1}', "body.line 2.more"),
        (OUT, b"not json", "body.line 1"),
        (OUT, b"\xff", "body.line 1"),
        (IN, b'"a"\n"b/c"\n', "body.line 2"),
        (IN, b'"' + b"x" * 5000, "body.line 1"),
        (IN, b'"a"\n' * 10_001, "body.line 10001"),
        ("/v1/clusters/%00/check-ins", b'"a"\n', "path.cluster"),
        (IN + "?atomic=perhaps", b'"a"\n', "query.atomic"),
    ],
)
async def test_a_line_that_does_not_fit_is_named_and_nothing_is_done(ledger: LedgerUnderTest, path: str, text: bytes, where: str) -> None:
    answer = await ledger.http.post(path, content=text, headers=NDJSON)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:licensing:problem:invalid-request")
    assert answer.json()["errors"][0]["where"] == where


async def test_more_than_ten_thousand_are_not_taken_and_none_is_no_fault(ledger: LedgerUnderTest) -> None:
    assert (await ledger.http.post(OUT, json={"devices": phones(10_001)})).status_code == 422
    none = await ledger.http.post(OUT, json={"devices": []})
    assert (none.status_code, none.json()["results"]) == (200, [])
    assert (await ledger.http.post("/v1/clusters/nobody/check-outs", json={"devices": []})).status_code == 404


async def test_an_empty_line_is_no_device(ledger: LedgerUnderTest) -> None:
    lines = "\n\n".join(json.dumps(f"SEP{n}") for n in range(10_000))
    answer = await ledger.http.post(IN, content=f"\n{lines}\n\n", headers=NDJSON)
    assert (answer.status_code, len(answer.json()["results"])) == (200, 10_000)


async def test_how_long_a_line_may_be_does_not_depend_on_the_pieces(ledger: LedgerUnderTest) -> None:
    async def pieces(*given: bytes) -> AsyncIterator[bytes]:
        for piece in given:
            yield piece

    long = b'"SEP1"' + b" " * 4096
    for sent in (pieces(long, b"\n"), pieces(long + b"\n"), pieces(b"\n" + long + b'\n"a"')):
        answer = await ledger.http.post(IN, content=sent, headers=NDJSON)
        assert (answer.status_code, "is longer than 4096 bytes" in answer.text) == (422, True)


@pytest.mark.parametrize("path", [OUT, "/v1/clusters/hq/reconciliations", "/v1/clusters/hq/devices/a"])
@pytest.mark.parametrize("content_type", [b"application/x-ndjson", b"application/json"])
async def test_a_client_that_breaks_off_is_no_failure_of_ours_and_does_nothing(
    ledger: LedgerUnderTest, caplog: pytest.LogCaptureFixture, path: str, content_type: bytes
) -> None:
    said: list[Any] = []
    told = iter([{"type": "http.request", "body": b'{"device": "a", "device_type": "phone-1"}\n', "more_body": True}])

    async def receive() -> Any:
        return next(told, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        said.append(message)

    method = "PUT" if path.endswith("/a") else "POST"
    asked = {"type": "http", "http_version": "1.1", "method": method, "path": path, "root_path": "", "query_string": b""}
    await ledger.app({**asked, "headers": [(b"content-type", content_type)]}, receive, send)
    assert said[0]["status"] in {415, 422}
    assert "internal-error" not in caplog.text
    assert await ledger.rows("SELECT * FROM device") == []


@pytest.mark.parametrize("path", ["check-outs", "check-ins"])
async def test_a_body_may_be_as_large_as_that_of_an_inventory(ledger: LedgerUnderTest, path: str) -> None:
    """The gateway holds callers to what the contract says."""
    paths = (await ledger.http.get("/openapi.json")).json()["paths"]
    bulk, inventory = (paths[f"/v1/clusters/{{cluster}}/{name}"]["post"] for name in (path, "reconciliations"))
    assert bulk["x-largest-body-bytes"] == inventory["x-largest-body-bytes"] == 16 * 1024 * 1024
