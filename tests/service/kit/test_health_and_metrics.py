"""/livez, /readyz and /metrics of a whole service."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shared.kit import health, metrics
from shared.kit.clock import TestClock
from shared.kit.consumers import Consumers
from shared.kit.metrics import Metrics
from shared.kit.postgres import EmbeddedPostgres
from shared.kit.transaction import Transaction
from tests.house import RememberingBus, eventually, running
from tests.service.kit.toy import NoteTaken, kit_of, toy_app


async def test_a_service_is_ready_when_its_store_answers_and_its_schema_is_at_the_head(toy: httpx.AsyncClient) -> None:
    assert (await toy.get("/livez")).json() == {"status": "ok", "checks": {}}
    ready = await toy.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"status": "ok", "checks": {"process": None, "database": None, "schema": None}})


async def test_a_schema_of_an_earlier_release_is_not_ready_and_says_what_to_do(app: FastAPI, toy: httpx.AsyncClient) -> None:
    async with kit_of(app).database.transaction() as tx:
        await tx.session.execute(text("UPDATE toy.schema_version SET version_num = '0001'"))
    ready = await toy.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
    assert ready.json()["checks"]["schema"] == "the schema is at 0001, this release needs 0002: run migrate"


async def test_a_database_without_the_schema_is_not_ready(postgres: EmbeddedPostgres, bus: RememberingBus, clock: TestClock) -> None:
    async with running(toy_app(postgres.url("postgres"), bus, clock, Metrics())) as toy:
        ready = await toy.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"] == {
        "process": None,
        "database": None,
        "schema": "the schema is at None, this release needs 0002: run migrate",
    }


async def test_a_check_that_raises_is_a_finding(app: FastAPI, toy: httpx.AsyncClient) -> None:
    async def broken() -> str | None:
        raise LookupError("secret")

    kit_of(app).checks["catalogue"] = broken
    ready = await toy.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]["catalogue"]) == (503, "LookupError")


async def test_a_broker_that_is_away_is_told_and_takes_nobody_out_of_service(app: FastAPI, toy: httpx.AsyncClient) -> None:
    async def away() -> str | None:
        return "the broker is away"

    kit_of(app).checks["broker"] = away
    ready = await toy.get("/readyz")
    assert (ready.status_code, ready.json()["status"], ready.json()["checks"]["broker"]) == (200, "ok", "the broker is away")


async def test_a_check_that_never_answers_is_a_finding(app: FastAPI, toy: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hanging() -> str | None:
        await asyncio.Event().wait()
        return None

    monkeypatch.setattr(health, "_CHECK_SECONDS", 0.05)
    kit_of(app).checks.clear()
    kit_of(app).checks["bus"] = hanging
    ready = await toy.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]) == (503, {"bus": "TimeoutError"})


async def test_figures_that_hang_keep_no_others_back(app: FastAPI, toy: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hanging() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(metrics, "_REFRESH_SECONDS", 0.05)
    kit_of(app).metrics.before_scrape("stuck", hanging)
    answer = await toy.get("/metrics")
    assert answer.status_code == 200
    assert 'license_metrics_refresh_failures_total{service="stuck"} 1.0' in answer.text


async def test_requests_are_measured_by_route_template_and_never_by_path(toy: httpx.AsyncClient) -> None:
    await toy.post("/v1/notes", json={"name": "SEP001122334455", "words": "w"})
    await toy.get("/v1/notes/SEP001122334455")
    await toy.get("/v1/notes/SEP00000000000A")
    await toy.delete("/v1/notes/SEP001122334455")
    await toy.get("/wp-admin/SEP001122334455")
    answer = await toy.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "SEP" not in answer.text
    counted = [line for line in answer.text.splitlines() if line.startswith("license_http_request_duration_seconds_count")]
    for method, route, status in [
        ("POST", "/v1/notes", 201),
        ("GET", "/v1/notes/{name}", 200),
        ("GET", "/v1/notes/{name}", 404),
        ("GET", "unmatched", 404),
    ]:
        labels = f'{{method="{method}",route="{route}",service="toy",status="{status}"}} 1.0'
        assert any(line.endswith(labels) for line in counted), f"no {labels} in {counted}"


async def test_the_outbox_is_measured(toy: httpx.AsyncClient) -> None:
    async def look() -> bool:
        return 'license_outbox_oldest_seconds{service="toy"} 0.0' in (await toy.get("/metrics")).text

    assert await eventually(look, "the age of an empty outbox")


async def test_the_outbox_is_measured_by_a_process_that_does_not_relay(app: FastAPI) -> None:
    """As of a replica that does not lead, or one whose relay is stuck: nothing runs in this one, and nobody else takes the event."""
    kit = kit_of(app)
    async with kit.database.transaction() as tx:
        tx.publish(NoteTaken(name="a"))
    async with kit.database.transaction() as tx:
        await tx.session.execute(text("UPDATE toy.outbox SET created_at = created_at - interval '1 hour'"))
    shown = (await kit.metrics.exposition())[0].decode()
    (age,) = [line for line in shown.splitlines() if line.startswith('license_outbox_oldest_seconds{service="toy"}')]
    assert float(age.split()[-1]) >= 3600
    await kit.database.close()


async def test_what_can_be_counted_begins_at_zero(toy_url: str, bus: RememberingBus, clock: TestClock, metrics: Metrics) -> None:
    """A counter that appears with its first event at 1 shows no increase."""
    consumers = Consumers()

    @consumers.on(NoteTaken)
    async def hear(_tx: Transaction, _event: NoteTaken) -> None:
        return

    async with running(toy_app(toy_url, bus, clock, metrics, consumers=consumers)) as toy:
        shown = (await toy.get("/metrics")).text
    for outcome in ("handled", "repeated", "buried"):
        assert f'license_events_handled_total{{outcome="{outcome}",service="toy",type="toy.note-taken.v1"}} 0.0' in shown
    assert 'license_metrics_refresh_failures_total{service="toy"} 0.0' in shown


async def test_health_and_metrics_are_no_part_of_the_contract(app: FastAPI) -> None:
    contract = app.openapi()
    assert {"/livez", "/readyz", "/metrics"}.isdisjoint(contract["paths"])
    assert contract["paths"]["/v1/notes"]["post"]["operationId"] == "takeNote"
    await kit_of(app).database.close()
