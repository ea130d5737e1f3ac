"""Health, figures, the contract and the documentation."""

import re

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.service.gateway.conftest import Gateway
from tests.service.gateway.test_entrance import problem
from tests.service.gateway.upstream import Upstream


async def test_health_and_contract_need_no_key(gateway: Gateway) -> None:
    for path in ("/livez", "/readyz", "/openapi.json", "/docs"):
        assert (await gateway.client.get(path)).status_code == 200, path
    home = await gateway.client.get("/")
    assert (home.status_code, home.headers["location"]) == (307, "/docs")


async def test_it_is_ready_when_its_upstreams_are(gateway: Gateway, upstream: Upstream) -> None:
    upstream.unready = "the schema is at None, this release needs 0001: run migrate"
    ready = await gateway.client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["ledger"] == f"database: {upstream.unready}"
    assert (await gateway.client.get("/livez")).status_code == 200
    upstream.unready = None
    assert (await gateway.client.get("/readyz")).status_code == 200


async def test_the_contract_is_the_composed_one_and_valid(gateway: Gateway) -> None:
    document = (await gateway.client.get("/openapi.json")).json()
    OpenAPIV31SpecValidator(document).validate()
    assert {"/v1/callers", "/v1/callers/{caller}", "/v1/orders"} <= set(document["paths"])


async def test_the_documentation_names_no_other_host(gateway: Gateway) -> None:
    page = await gateway.client.get("/docs")
    assert not re.search(r"https?:|//[a-z]", page.text)
    assert "script-src 'self';" in page.headers["content-security-policy"]
    local = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(local) == 5
    for path in local:
        assert (await gateway.client.get(path)).status_code == 200, path
    start = await gateway.client.get("/docs/assets/start.js")
    assert "validatorUrl: null" in start.text
    assert "http" not in start.text


async def test_an_asset_is_asked_for_again_only_when_it_changed(gateway: Gateway) -> None:
    first = await gateway.client.get("/docs/assets/swagger-ui.css")
    again = await gateway.client.get("/docs/assets/swagger-ui.css", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert problem(await gateway.client.get("/docs/assets/core.py")) == (404, "not-found")


@pytest.mark.parametrize(
    ("address", "open_"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.1.200.3", True),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("10.2.0.1", False),
        ("testclient", False),
    ],
)
async def test_figures_are_open_to_the_machine_and_the_named_networks(gateway: Gateway, address: str, open_: bool) -> None:
    transport = httpx.ASGITransport(gateway.app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        without = await client.get("/metrics")
        if open_:
            assert without.status_code == 200
            assert "license_http_request_duration_seconds" in without.text
        else:
            assert problem(without) == (401, "unauthorized")
        assert (await client.get("/metrics", headers=gateway.as_("viewer"))).status_code == 200
        assert (await client.get("/metrics", headers=gateway.as_("vendor"))).status_code == (200 if open_ else 403)


async def test_refusals_are_counted_by_template_and_never_by_path(gateway: Gateway) -> None:
    await gateway.client.get("/v1/clusters/hq")
    await gateway.client.get("/v1/nothing/at/all")
    figures = (await gateway.client.get("/metrics")).text
    assert 'route="/v1/clusters/{cluster}",service="entrance",status="401"' in figures
    assert 'method="any",route="unmatched",service="entrance",status="404"' in figures
    assert "hq" not in figures
    assert "/v1/nothing" not in figures
