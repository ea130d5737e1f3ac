"""The short way answers what the ordinary one does, to the byte; and what it does not understand it passes on whole."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.ledger.app import create_app
from services.ledger.settings import LedgerSettings
from shared.kit.app import Plan
from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, running
from tests.service.ledger.conftest import LedgerUnderTest

TRACED = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"}
Asked = tuple[str, str, dict[str, Any]]
DESK, PC = "/v1/clusters/{}/devices/desk", "/v1/clusters/{}/devices/pc"
STORY: list[Asked] = [
    ("PUT", DESK, {"json": {"device_type": "phone-4"}}),
    ("PUT", DESK, {"json": {"device_type": "phone-4"}}),
    ("PUT", DESK, {"json": {"device_type": "phone-5", "adjunct_of": None}}),
    ("PUT", PC, {"json": {"device_type": "soft", "adjunct_of": "desk"}}),
    ("DELETE", DESK, {}),
    ("PUT", DESK, {"json": {"device_type": "no-such"}}),
    ("PUT", PC, {"json": {"device_type": "phone-1", "adjunct_of": "desk"}}),
    ("PUT", PC, {"json": {"device_type": "soft", "adjunct_of": "nobody"}}),
    ("PUT", "/v1/clusters/{}/devices/Büro 3", {"json": {"device_type": "phone-1"}}),
    ("PUT", "/v1/clusters/{}/devices/..", {"json": {"device_type": "phone-1"}}),
    ("PUT", DESK, {"json": {"device_type": 4}}),
    ("PUT", DESK, {"json": {"device_type": "phone-1", "unknown": 1}}),
    ("PUT", DESK, {"json": {"device_type": "x" * 129}}),
    ("PUT", DESK, {"json": {"device_type": "phone-1", "adjunct_of": "x" * 5000}}),
    ("PUT", DESK, {"content": b'{"device_type": "phone-1"', "headers": {"content-type": "application/json"}}),
    ("PUT", DESK, {"content": b'{"device_type": "phone-1"}', "headers": {"content-type": "text/plain"}}),
    ("PUT", DESK, {"content": b'{"device_type": "phone-1"}'}),
    (
        "PUT",
        DESK,
        {
            "content": b'{"device_type": "phone-5", "adjunct_of": null, "lease_seconds": 60.0}',
            "headers": {"content-type": "application/json"},
        },
    ),
    ("PUT", DESK, {"content": "\ufeff{}".encode(), "headers": {"content-type": "application/json"}}),
    ("PUT", DESK, {"json": {"device_type": "phone-4"}, "headers": {"Idempotency-Key": "k", "Licensing-Deadline": "9"}}),
    ("PUT", DESK, {"json": {"device_type": "phone-5"}, "headers": {"Idempotency-Key": "k"}}),
    ("PUT", PC, {"json": {"device_type": "phone-1", "device_class": "attendant"}}),
    ("PUT", PC, {"json": {"device_type": "soft", "adjunct_of": "desk", "device_class": "janitor"}}),
    ("PUT", "/v1/clusters/{}/devices/d%65sk", {"json": {"device_type": "phone-5"}}),
    ("PUT", "/v1/clusters/{}/devices/a%2Fb", {"json": {"device_type": "phone-5"}}),
    ("PUT", "/v1/clusters/{}/devices/desk/", {"json": {"device_type": "phone-5"}}),
    ("PUT", "/v1/clusters/{}/devices/a%0A", {"json": {"device_type": "phone-5"}}),
    ("HEAD", DESK, {}),
    ("OPTIONS", DESK, {}),
    ("DELETE", "/v1/clusters/{}/devices/%FF", {}),
    ("DELETE", "/v1/clusters/{}/devices/none", {"content": b"{", "headers": {"content-type": "application/json"}}),
    ("PUT", DESK, {"content": b"", "headers": {"content-type": "application/json"}}),
    ("PUT", DESK, {"content": b"\xff\xfe", "headers": {"content-type": "application/json"}}),
    ("PUT", DESK, {"json": {"device_type": "phone-1"}, "params": {"a": "b"}}),
    ("PATCH", DESK, {"json": {"device_type": "phone-1"}}),
    ("DELETE", PC, {}),
    ("DELETE", PC, {"params": {"a": "b"}}),
    ("DELETE", "/v1/clusters/{}/devices/none", {}),
    ("PUT", "/v1/clusters/no-such/devices/a", {"json": {"device_type": "phone-1"}}),
    ("DELETE", "/v1/clusters/no-such/devices/a", {}),
    *(("PUT", f"/v1/clusters/{{}}/devices/d{n}", {"json": {"device_type": "phone-5"}}) for n in range(11)),
    *(("PUT", f"/v1/clusters/{{}}/devices/e{n}", {"json": {"device_type": "phone-1"}}) for n in range(6)),
    *(("PUT", f"/v1/clusters/{{}}/devices/sos{n}", {"json": {"device_type": "phone-1", "device_class": "emergency"}}) for n in range(2)),
    ("PUT", "/v1/clusters/{}/devices/sos0", {"json": {"device_type": "phone-1"}}),
    ("PUT", "/v1/clusters/{}/devices/sos0", {"json": {"device_type": "phone-1", "device_class": "ordinary"}}),
    ("PUT", DESK, {"json": {"device_type": "phone-1", "device_class": "vip"}}),
]


@pytest.fixture
async def ordinary(
    ledger: LedgerUnderTest, database_url: str, bus: RememberingBus, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """A ledger beside it that has no short way."""
    made = Plan.__init__

    def without(self: Plan, *given: Any, **named: Any) -> None:
        made(self, *given, **{**named, "short_way": None})

    monkeypatch.setattr(Plan, "__init__", without)
    app: FastAPI = create_app(LedgerSettings(database_url=database_url), bus, clock, Metrics())
    async with running(app) as http:
        yield http


async def test_both_ways_answer_the_same_to_the_byte(ledger: LedgerUnderTest, ordinary: httpx.AsyncClient) -> None:
    for number, cluster in enumerate(("one", "two"), 1):
        await ledger.put_cluster(cluster, overdraft_policy={"allowance_units": 2})
        await ledger.install(number, ("PHONE_UNIT", 50, 4), cluster=cluster, mac=f"0015C5F3A1C{number}")
    rules = set[str]()
    for method, path, asked in STORY:
        sent = {**asked, "headers": {**TRACED, **asked.get("headers", {})}}
        short = await ledger.http.request(method, path.format("one"), **sent)
        long = await ordinary.request(method, path.format("two"), **sent)
        headers = {name: value.replace("/one/", "/two/") for name, value in short.headers.items()}
        assert (short.status_code, headers) == (long.status_code, dict(long.headers)), (method, path, asked)
        assert short.text.replace("/one/", "/two/") == long.text, (method, path, asked)
        rules.add(short.json().get("rule", "") if short.content else "")
    assert rules >= {"units-exhausted", "overdraft-restricted"}
    assert await ledger.pool(cluster="one") == await ledger.pool(cluster="two")
    await ledger.assert_sums()


async def test_where_several_types_of_content_are_named_both_believe_the_same(ledger: LedgerUnderTest, ordinary: httpx.AsyncClient) -> None:
    named = [("content-type", "text/plain"), ("content-type", "application/json")]
    for types in (named, named[::-1]):
        sent: dict[str, Any] = {"content": b'{"device_type": "phone-1"}', "headers": [*types, *TRACED.items()]}
        short = await ledger.http.put(DESK.format("hq"), **sent)
        await ledger.delete("desk")
        long = await ordinary.put(DESK.format("hq"), **sent)
        await ledger.delete("desk")
        assert (short.status_code, len(short.text)) == (long.status_code, len(long.text)), types


async def test_it_is_measured_under_the_same_route(ledger: LedgerUnderTest) -> None:
    await ledger.put("desk")
    figures = (await ledger.http.get("/metrics")).text
    assert 'method="PUT",route="/v1/clusters/{cluster}/devices/{device}",service="ledger",status="201"' in figures
