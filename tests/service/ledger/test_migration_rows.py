"""Inventories of 4.x as bulk exports give them: a row a device, models as the product calls them, nothing dropped."""

import json
from typing import Any

import httpx
import pytest

from shared.contracts.events.calculator import CataloguePublished, RatedType
from tests.service.ledger.conftest import LedgerUnderTest

ASKED = {"from_version": "4.2", "to_version": "5.0", "nodes": "2"}
LABELLED = CataloguePublished(
    version=2,
    device_types=[
        RatedType(device_type="cisco-7970", label="Cisco 7970", units=5, model_code=30006),
        RatedType(device_type="cisco-7920", label="Cisco 7920", units=4, model_code=30002),
        RatedType(device_type="cti-port", label="CTI Port", units=0, model_code=72),
    ],
)
CSV, NDJSON = "text/csv", "application/x-ndjson"


@pytest.fixture
async def priced(ledger: LedgerUnderTest) -> LedgerUnderTest:
    """A ledger whose catalogue says what exports call its types."""
    await ledger.bus.say(LABELLED)
    return ledger


async def send(ledger: LedgerUnderTest, text: str | bytes, kind: str = CSV, **params: str) -> httpx.Response:
    content = text if isinstance(text, bytes) else text.encode()
    headers = {"Content-Type": kind}
    return await ledger.http.post("/v1/clusters/hq/migration", params={**ASKED, **params}, content=content, headers=headers)


async def send_json(ledger: LedgerUnderTest, rows: list[dict[str, Any]], **more: Any) -> httpx.Response:
    body = {**ASKED, "nodes": 2, "rows": rows, **more}
    return await ledger.http.post("/v1/clusters/hq/migration", json=body)


def refused(answer: httpx.Response) -> list[str]:
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:licensing:problem:invalid-inventory"), answer.text
    found: list[str] = answer.json()["reasons"]
    return found


EXPORT = (
    '\ufeff"Device Name","Description","Device Type","Device Pool"\r\n'
    'SEP001,"Lobby, 1st floor",Cisco 7970,Default\r\n'
    'SEP002,"says ""hello""",cisco-7970,Default\r\n'
    '\r\n'
    'SEP003,,"CISCO 7920",Default\r\n'
    'SEP004,"two\nlines",30002,Default\r\n'
    'ATA1,,"Cisco ATA 186/188",Default\r\n'
    'SEP001,again,Cisco 7970,Default\r\n'
    'ATA2,,cisco ata 186/188,Default\r\n'
)  # fmt: skip


async def test_a_bulk_export_is_counted_by_model_and_what_is_unknown_is_listed(priced: LedgerUnderTest) -> None:
    answer = await send(priced, EXPORT)
    body = answer.json()
    assert (answer.status_code, body["total_units"], body["nodes"]) == (201, 18, 2)
    assert body["devices"] == [
        {"device_type": "cisco-7920", "count": 2, "units_each": 4},
        {"device_type": "cisco-7970", "count": 2, "units_each": 5},
    ]
    assert body["unknown_models"] == [{"model": "Cisco ATA 186/188", "devices": 2, "first_rows": [8, 10]}]
    assert (body["rows"], body["repeated_rows"], body["first_repeated_rows"]) == (7, 1, [9])
    assert (await priced.http.get("/v1/clusters/hq/migration")).json() == body
    assert await priced.pool() == (18, 0, 0, "within")
    await priced.assert_sums()


FORMS = {
    "semicolons": ("Model;Name\nCisco 7970;SEP1\nGhost;SEP2\n", CSV),
    "tabs": ("DEVICE NAME\tother\tDEVICE TYPE\nSEP1\tx\tCisco 7970\nSEP2\t\tGhost", CSV),
    "old_line_ends": ("device,model\rSEP1,Cisco 7970\rSEP2,Ghost\r", CSV),
    "charset": ("device,model\nSEP1,Cisco 7970\nSEP2,Ghost\n", "Text/CSV; charset=utf-8"),
    "ndjson": ('{"device": "SEP1", "model": 30006}\n\n{"device": "SEP2", "device_type": "Ghost", "x": 1}\n', NDJSON),
}


@pytest.mark.parametrize(("text", "kind"), FORMS.values(), ids=FORMS.keys())
async def test_an_inventory_by_rows_has_many_forms(priced: LedgerUnderTest, text: str, kind: str) -> None:
    body = (await send(priced, text, kind)).json()
    assert (body["devices"], body["rows"]) == ([{"device_type": "cisco-7970", "count": 1, "units_each": 5}], 2)
    assert [(one["model"], one["devices"]) for one in body["unknown_models"]] == [("Ghost", 1)]


async def test_json_has_rows_of_which_other_members_are_ignored(priced: LedgerUnderTest) -> None:
    rows: list[dict[str, Any]] = [
        {"device": "SEP1", "model": " Cisco 7970 ", "pool": "x"},
        {"device": "SEP2", "device_type": "Ghost"},
        {"device": "C", "model": 72},
    ]
    body = (await send_json(priced, rows)).json()
    assert [(one["device_type"], one["count"]) for one in body["devices"]] == [("cisco-7970", 1), ("cti-port", 1)]
    assert body["unknown_models"] == [{"model": "Ghost", "devices": 1, "first_rows": [2]}]


async def test_json_gives_counts_or_rows_and_never_both_or_neither(priced: LedgerUnderTest) -> None:
    rows = [{"device": "SEP1", "model": "Cisco 7970"}]
    both = await send_json(priced, rows, devices=[{"device_type": "cisco-7970", "count": 1}])
    neither = await priced.http.post("/v1/clusters/hq/migration", json={**ASKED, "nodes": 2})
    for answer in (both, neither):
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:licensing:problem:invalid-request")
        assert "either devices" in answer.text


WRONG_ROWS: dict[str, tuple[Any, str]] = {
    "no_list": ({"device": "a", "model": "b"}, "body.json"),
    "no_object": (["SEP1"], "body.rows.0"),
    "no_model": ([{"device": "SEP1", "model": "Cisco 7970"}] * 5_001 + [{"device": "SEP2"}], "body.rows.5001.model"),
    "no_device": ([{"model": "Cisco 7970"}], "body.rows.0.device"),
    "slash": ([{"device": "a/b", "model": "Cisco 7970"}], "body.rows.0.device"),
    "two_lines": ([{"device": "SEP1", "model": "a\nb"}], "body.rows.0.model"),
    "too_many": ([{}] * 100_001, "body.json"),
}


@pytest.mark.parametrize(("rows", "where"), WRONG_ROWS.values(), ids=WRONG_ROWS.keys())
async def test_json_rows_that_are_none_are_told_by_their_place(priced: LedgerUnderTest, rows: Any, where: str) -> None:
    answer = await send_json(priced, rows)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:licensing:problem:invalid-request"), answer.text
    assert answer.json()["errors"][0]["where"] == where
    assert (await priced.http.get("/v1/clusters/hq")).json()["migrated"] is False


async def test_fifty_thousand_rows_are_one_migration(priced: LedgerUnderTest) -> None:
    models = ("Cisco 7970", "cisco-7920", "Ghost")
    lines = [f"SEP{n:012X},{models[n % 3]},floor {n}" for n in range(50_000)]
    body = (await send(priced, "Device Name,Device Type,Description\n" + "\n".join(lines))).json()
    assert [one["count"] for one in body["devices"]] == [16_667, 16_667]
    assert [one["devices"] for one in body["unknown_models"]] == [16_666]
    assert (body["rows"], body["total_units"]) == (50_000, 16_667 * 9)


async def test_a_hundred_thousand_rows_are_the_most(priced: LedgerUnderTest) -> None:
    text = "device,model\n" + "".join(f"d{n},Cisco 7970\n" for n in range(100_001))
    answer = await send(priced, text)
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:licensing:problem:content-too-large")
    assert (await priced.http.get("/v1/clusters/hq/migration")).status_code == 404


UNUSABLE = {
    "no_device": ("device,model\n,Cisco 7970\na/b,Cisco 7970\nSEP1,\n", [f"line {n} names no device" for n in (2, 3, 4)]),
    "no_columns": ("SEP1,Cisco 7970\n", ["line 1 must name the columns"]),
    "columns_twice": ("device,model,device type\nSEP1,a,b\n", ["line 1 must name the columns"]),
    "not_utf8": (b"device,model\nSEP\xff,Cisco 7970\n", ["the text is not UTF-8"]),
    "quote": ('device,model\n"SEP1,Cisco 7970\n', ["line 2 has a quote that is not closed"]),
    "nothing": ("device,model\n", ["it names no device"]),
    "contradiction": ("device,model\nSEP1,Cisco 7970\nsep1,Cisco 7920\n", ["line 3 says that sep1 is a Cisco 7920, and line 2"]),
    "other_column": ("Device Name,Product\nSEP1,Phone\nSEP2,Gateway\n", ["none of its models stands in the catalogue (Phone, Gateway)"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), UNUSABLE.values(), ids=UNUSABLE.keys())
async def test_what_cannot_be_counted_is_refused_and_the_cluster_stays_as_it_is(
    priced: LedgerUnderTest, text: str | bytes, said: list[str]
) -> None:
    reasons = refused(await send(priced, text))
    assert [reason.startswith(begin) for reason, begin in zip(reasons, said, strict=True)] == [True] * len(said), reasons
    assert (await priced.http.get("/v1/clusters/hq")).json()["migrated"] is False
    assert (await send(priced, EXPORT)).status_code == 201


async def test_whoever_wants_no_unknown_model_says_so(priced: LedgerUnderTest) -> None:
    answer = await send(priced, EXPORT, unknown="refuse")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:licensing:problem:unknown-device-type")
    assert answer.json()["device_types"] == ["Cisco ATA 186/188 (2)"]
    assert (await priced.http.get("/v1/clusters/hq/migration")).status_code == 404
    assert (await send(priced, EXPORT, unknown="maybe")).status_code == 422


async def test_a_device_of_an_unknown_model_is_covered_by_nothing_while_frozen(priced: LedgerUnderTest) -> None:
    assert (await send(priced, EXPORT)).status_code == 201
    assert (await priced.put("SEP001", "cisco-7970")).status_code == 201
    ata = await priced.put("ATA1", "cti-port")
    assert (ata.status_code, ata.json()["type"]) == (409, "urn:licensing:problem:provisioning-frozen")


async def test_the_same_text_under_one_key_is_one_migration(priced: LedgerUnderTest) -> None:
    async def keyed(text: str) -> httpx.Response:
        headers = {"Content-Type": CSV, "Idempotency-Key": "rows"}
        return await priced.http.post("/v1/clusters/hq/migration", params=ASKED, content=text.encode(), headers=headers)

    first, again, other = await keyed(EXPORT), await keyed(EXPORT), await keyed(EXPORT + "SEP9,,Cisco 7970,\r\n")
    assert (first.status_code, again.json()) == (201, first.json())
    assert (other.status_code, other.json()["type"]) == (422, "urn:licensing:problem:idempotency-key-reused")


async def test_the_same_json_rows_under_one_key_are_one_migration(priced: LedgerUnderTest) -> None:
    async def keyed(*models: str) -> httpx.Response:
        rows = [{"device": f"SEP{n}", "model": model} for n, model in enumerate(models)]
        body = {**ASKED, "nodes": 2, "rows": rows}
        return await priced.http.post("/v1/clusters/hq/migration", json=body, headers={"Idempotency-Key": "rows"})

    first, again, other = await keyed("Cisco 7970"), await keyed("Cisco 7970"), await keyed("Cisco 7970", "Cisco 7970")
    assert (first.status_code, again.json()) == (201, first.json())
    assert (other.status_code, other.json()["type"]) == (422, "urn:licensing:problem:idempotency-key-reused")


async def test_a_text_needs_its_versions_and_nodes(priced: LedgerUnderTest) -> None:
    for text, kind in ((EXPORT, CSV), (json.dumps({"device": "a", "model": "72"}), NDJSON)):
        missing = await priced.http.post("/v1/clusters/hq/migration", content=text.encode(), headers={"Content-Type": kind})
        assert {error["where"] for error in missing.json()["errors"]} == {"query.from_version", "query.to_version", "query.nodes"}


async def test_before_the_prices_nothing_is_counted(bare: LedgerUnderTest) -> None:
    assert (await bare.put_cluster()).status_code == 201
    answer = await send(bare, EXPORT)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:licensing:problem:catalogue-missing")
