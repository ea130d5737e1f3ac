"""A gateway over a stub, on a real database, and a caller of each scope."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI

from gateway import store
from gateway.app import create_app
from gateway.domain.key import digest_of, new_key
from gateway.settings import GatewaySettings
from gateway.tables import CallerRow
from shared.kit.clock import TestClock
from shared.kit.identity import IdentityIssuer, IdentityVerifier
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, running
from tests.service.gateway.upstream import Upstream, contract

SCOPES = ("viewer", "operator", "admin", "vendor")


@dataclass
class Gateway:
    """The application, a client without a key, and the keys by scope."""

    app: FastAPI
    client: httpx.AsyncClient
    keys: dict[str, str]

    def as_(self, scope: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[scope]}"}


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
async def gateway(database_url: str, bus: RememberingBus, clock: TestClock, metrics: Metrics, upstream: Upstream) -> AsyncIterator[Gateway]:
    settings = GatewaySettings(database_url=database_url, metrics_allow="10.1.0.0/16, 192.0.2.7", requests_at_once=3)
    issuer = IdentityIssuer.in_memory()
    upstream.verifier = IdentityVerifier(issuer.public_keys)
    app = create_app(settings, bus, clock, metrics, upstreams={"ledger": upstream}, contracts={"ledger": contract()}, issuer=issuer)
    keys = {scope: new_key() for scope in SCOPES}
    async with running(app) as client:
        async with app.state.kit.database.transaction() as tx:
            for scope, key in keys.items():
                row = CallerRow(
                    caller=f"a {scope}", scope=scope, key_digest=digest_of(key), created_at=datetime.now(UTC), created_by="a test"
                )
                assert await store.add(tx, row)
        yield Gateway(app, client, keys)
