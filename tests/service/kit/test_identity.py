"""A service that was given keys: nobody is answered without the gateway's word, and nothing else says who calls."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from shared.kit.clock import TestClock
from shared.kit.identity import IdentityIssuer, current_identity
from shared.kit.metrics import Metrics
from shared.kit.transaction import Transaction
from tests.house import RememberingBus, running
from tests.service.kit.toy import kit_of, notes_in, toy_app

NOTE = {"name": "a", "words": "b"}


@pytest.fixture
def issuer() -> IdentityIssuer:
    return IdentityIssuer.in_memory()


@pytest.fixture
def app(toy_url: str, bus: RememberingBus, clock: TestClock, metrics: Metrics, issuer: IdentityIssuer) -> FastAPI:
    return toy_app(toy_url, bus, clock, metrics, identity_keys=issuer.public_keys)


@pytest.fixture
async def closed(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        yield client


def _words() -> dict[str, str | None]:
    past = IdentityIssuer.in_memory()
    return {"none": None, "an empty one": "", "a stranger's": past.token_for("ada", "admin"), "no token": "ada"}


@pytest.mark.parametrize("what", _words())
async def test_without_the_gateways_word_nothing_is_answered(closed: httpx.AsyncClient, app: FastAPI, what: str) -> None:
    word = _words()[what]
    headers = {"licensing-caller": "root", **({} if word is None else {"licensing-identity": word})}
    for path in ("/v1/notes", "/openapi.json", "/nowhere"):
        refused = await closed.post(path, json=NOTE, headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (401, "urn:licensing:problem:identity-required")
        assert "through the gateway" in refused.json()["detail"]
        assert refused.headers["www-authenticate"] == "licensing-identity"
    async with kit_of(app).database.transaction() as tx:
        assert await notes_in(tx) == []


async def test_an_expired_word_is_refused(closed: httpx.AsyncClient, issuer: IdentityIssuer) -> None:
    old = IdentityIssuer(issuer._key.as_dict(private=True), now=lambda: 1_700_000_000.0)
    refused = await closed.post("/v1/notes", json=NOTE, headers={"licensing-identity": old.token_for("ada", "admin")})
    assert (refused.status_code, "expired" in refused.json()["detail"]) == (401, True)


async def test_health_and_figures_are_open(closed: httpx.AsyncClient) -> None:
    for path in ("/livez", "/readyz", "/metrics"):
        assert (await closed.get(path)).status_code == 200


async def test_caller_and_scope_come_from_the_word_alone(closed: httpx.AsyncClient, app: FastAPI, issuer: IdentityIssuer) -> None:
    seen: list[tuple[str, str]] = []

    async def errand(tx: Transaction) -> None:
        identity = current_identity()
        assert identity is not None
        seen.append((tx.caller, identity.scope))

    app.state.errand = errand
    headers = {"licensing-identity": issuer.token_for("büro 漢", "operator"), "licensing-caller": "root"}
    assert (await closed.post("/v1/errands", headers=headers)).status_code == 201
    assert seen == [("büro 漢", "operator")]


async def test_who_meant_another_service_gets_nothing_here(closed: httpx.AsyncClient, app: FastAPI, issuer: IdentityIssuer) -> None:
    word = {"licensing-identity": issuer.token_for("ada", "admin")}
    for headers in ({**word, "licensing-service": "ledger"}, {"licensing-service": "ledger"}):
        for method, path in (("POST", "/v1/notes"), ("GET", "/readyz")):
            refused = await closed.request(method, path, json=NOTE, headers=headers)
            assert (refused.status_code, refused.json()["type"]) == (421, "urn:licensing:problem:misdirected")
    async with kit_of(app).database.transaction() as tx:
        assert await notes_in(tx) == []
    assert (await closed.post("/v1/notes", json=NOTE, headers={**word, "licensing-service": "toy"})).status_code == 201
