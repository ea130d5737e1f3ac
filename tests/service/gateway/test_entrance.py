"""The way in: who is let through, what is refused and how, and what the upstream hears."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gateway.domain.caller import may
from gateway.domain.key import new_key
from gateway.settings import GatewaySettings
from shared.kit.identity import IdentityIssuer
from tests.house import eventually
from tests.service.gateway.conftest import SCOPES, Gateway
from tests.service.gateway.upstream import PATHS, Upstream, never


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and slug; every refusal is problem+json with a trace id."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], len(body["trace_id"])) == (answer.status_code, 32)
    return answer.status_code, body["type"].removeprefix("urn:licensing:problem:")


async def test_every_scope_opens_what_it_may_and_nothing_else(gateway: Gateway, upstream: Upstream) -> None:
    for method, template, needed in PATHS:
        path = template.replace("{cluster}", "hq").replace("{device}", "SEP1")
        for held in SCOPES:
            heard = len(upstream.asked)
            answer = await gateway.client.request(method, path, headers=gateway.as_(held))
            if may(held, needed):
                assert answer.status_code == 200
                assert len(upstream.asked) == heard + 1
            else:
                assert problem(answer) == (403, "forbidden")
                assert (answer.json()["scope_needed"], answer.json()["scope_held"]) == (needed, held)
                assert len(upstream.asked) == heard


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer nonsense")],
        [("Authorization", f"Bearer {new_key()}")],
        [("Authorization", f"Basic {new_key()}")],
        [("Authorization", "Bearer \xff")],
    ],
)
async def test_without_a_known_key_there_is_401_and_a_challenge(gateway: Gateway, upstream: Upstream, headers: list[Any]) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    answer = await gateway.client.get("/v1/clusters/hq", headers=raw)
    assert problem(answer) == (401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith('Bearer realm="licensing"')
    assert upstream.asked == []


async def test_two_keys_are_none(gateway: Gateway) -> None:
    headers = [("Authorization", f"Bearer {gateway.keys['viewer']}"), ("Authorization", f"Bearer {gateway.keys['admin']}")]
    assert problem(await gateway.client.get("/v1/clusters/hq", headers=headers)) == (401, "unauthorized")


async def test_what_is_not_published_is_not_reachable(gateway: Gateway, upstream: Upstream) -> None:
    for path in ("/v1/nothing", "/v1/clusters", "/v1/clusters/hq/", "//v1/clusters/hq", "/internal", "/docs/assets/../../app.py", "/docs/"):
        answer = await gateway.client.get(path, headers=gateway.as_("admin"))
        assert problem(answer)[0] in {404, 422}, path
    assert upstream.asked == []


async def test_an_impossible_method_is_405_with_what_is_possible(gateway: Gateway) -> None:
    answer = await gateway.client.patch("/v1/clusters/hq")
    assert problem(answer) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, PUT"
    assert problem(await gateway.client.post("/readyz")) == (405, "method-not-allowed")


async def test_options_says_what_is_possible(gateway: Gateway) -> None:
    answer = await gateway.client.options("/v1/clusters/hq/devices/SEP1")
    assert (answer.status_code, answer.headers["allow"]) == (204, "DELETE, OPTIONS, PUT")


async def test_head_is_get_without_the_body(gateway: Gateway, upstream: Upstream) -> None:
    answer = await gateway.client.head("/v1/clusters/hq", headers=gateway.as_("viewer"))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "18"
    assert upstream.asked[-1]["method"] == "GET"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/clusters/hq%2Fdevices%2FSEP1",
        "/v1/clusters/hq%2fdevices%2fSEP1",
        "/v1/clusters/%2E%2E",
        "/v1/clusters/%FF",
        "/v1/clusters/a%2F..%2Fb",
    ],
)
async def test_an_encoded_slash_smuggles_nothing(gateway: Gateway, upstream: Upstream, path: str) -> None:
    assert problem(await gateway.client.put(path, headers=gateway.as_("admin"))) == (422, "invalid-request")
    assert upstream.asked == []


async def test_path_and_query_arrive_as_they_were_sent(gateway: Gateway, upstream: Upstream) -> None:
    await gateway.client.get("/v1/clusters/h%C3%A4%20q%252F?a=%2F&b=%20+&a=", headers=gateway.as_("viewer"))
    heard = upstream.asked[-1]
    assert heard["raw_path"] == b"/v1/clusters/h%C3%A4%20q%252F"
    assert heard["path"] == "/v1/clusters/hä q%2F"
    assert heard["query_string"] == b"a=%2F&b=%20+&a="


async def test_the_gateway_alone_says_who_is_calling(gateway: Gateway, upstream: Upstream) -> None:
    told = [
        ("licensing-caller", "root"),
        ("Licensing-Identity", IdentityIssuer.in_memory().token_for("root", "vendor")),
        ("licensing-identity", "x"),
        ("licensing-deadline", "9999"),
    ]
    await gateway.client.get("/v1/clusters/hq", headers=[*told, *gateway.as_("viewer").items()])
    identity = upstream.identity()
    assert (identity.caller, identity.scope) == ("a viewer", "viewer")
    assert float(upstream.header("licensing-deadline") or 0) < GatewaySettings.model_fields["request_deadline_seconds"].default
    assert upstream.header("licensing-caller") is None
    assert upstream.header("authorization") is None


async def test_hop_by_hop_headers_stay_here(gateway: Gateway, upstream: Upstream) -> None:
    hops = {"Connection": "close, X-Mine", "X-Mine": "1", "Keep-Alive": "5", "TE": "trailers", "Upgrade": "h2c", "X-Other": "kept"}
    await gateway.client.get("/v1/clusters/hq", headers={**hops, **gateway.as_("viewer")})
    assert [upstream.header(name) for name in ("connection", "x-mine", "keep-alive", "te", "upgrade")] == [None] * 5
    assert upstream.header("x-other") == "kept"


async def test_a_trace_goes_on_and_begins_where_there_is_none(gateway: Gateway, upstream: Upstream) -> None:
    known = "0af7651916cd43dd8448eb211c80319c"
    await gateway.client.get("/v1/clusters/hq", headers={"traceparent": f"00-{known}-b7ad6b7169203331-01", **gateway.as_("viewer")})
    assert (upstream.header("traceparent") or "").split("-")[1] == known
    await gateway.client.get("/v1/clusters/hq", headers={"traceparent": "rubbish", **gateway.as_("viewer")})
    assert len((upstream.header("traceparent") or "").split("-")[1]) == 32
    refused = await gateway.client.get("/v1/clusters/hq", headers={"traceparent": f"00-{known}-b7ad6b7169203331-01"})
    assert refused.json()["trace_id"] == known


async def test_a_body_within_the_limit_passes(gateway: Gateway, upstream: Upstream) -> None:
    answer = await gateway.client.put("/v1/clusters/hq/devices/SEP1", content=b"x" * 100, headers=gateway.as_("operator"))
    assert answer.status_code == 200
    assert upstream.bodies == [b"x" * 100]


async def test_a_body_that_says_it_is_too_large_is_refused_before_anybody_hears_of_it(gateway: Gateway, upstream: Upstream) -> None:
    answer = await gateway.client.put("/v1/clusters/hq/devices/SEP1", content=b"x" * 101, headers=gateway.as_("operator"))
    assert problem(answer) == (413, "content-too-large")
    assert answer.json()["limit_bytes"] == 100
    assert upstream.asked == []


async def test_a_chunked_body_is_cut_off_at_the_limit(gateway: Gateway, upstream: Upstream) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b"x" * 10

    answer = await gateway.client.put("/v1/clusters/hq/devices/SEP1", content=chunks(), headers=gateway.as_("operator"))
    assert problem(answer) == (413, "content-too-large")
    assert sent == 11
    assert upstream.bodies == []


async def test_more_at_once_than_the_limit_are_told_to_come_back(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answering = never

    def ask() -> asyncio.Task[httpx.Response]:
        return asyncio.create_task(gateway.client.get("/v1/clusters/hq", headers=gateway.as_("viewer")))

    waiting = [ask() for _ in range(3)]

    async def all_under_way() -> bool:
        return len(upstream.asked) == 3

    await eventually(all_under_way, "three requests under way")
    refused = await ask()
    assert problem(refused) == (503, "busy")
    assert refused.headers["retry-after"] == "1"
    assert (await gateway.client.get("/livez")).status_code == 200
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    upstream.answering = None
    assert (await ask()).status_code == 200


async def test_while_the_store_is_away_known_keys_go_on_and_others_wait(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await gateway.client.get("/v1/clusters/hq", headers=gateway.as_("viewer"))).status_code == 200

    def away(*_: object, **__: object) -> Any:
        raise ConnectionRefusedError

    monkeypatch.setattr(gateway.app.state.kit.database, "transaction", away)
    monkeypatch.setattr(gateway.app.state.keys, "_seconds", 0.0)
    for known in gateway.app.state.keys._remembered.values():
        known.believed_until = 0.0  # long ago
    for _ in range(2):
        assert (await gateway.client.get("/v1/clusters/hq", headers=gateway.as_("viewer"))).status_code == 200
    refused = await gateway.client.get("/v1/clusters/hq", headers=gateway.as_("operator"))
    assert problem(refused) == (503, "data-store-unavailable")
    assert refused.headers["retry-after"] == "2"
    monkeypatch.undo()
    assert (await gateway.client.get("/v1/clusters/hq", headers=gateway.as_("operator"))).status_code == 200


async def test_a_key_is_looked_up_once_in_a_while(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = 0
    transaction = gateway.app.state.kit.database.transaction

    def counting() -> Any:
        nonlocal looked_up
        looked_up += 1
        return transaction()

    monkeypatch.setattr(gateway.app.state.kit.database, "transaction", counting)
    for _ in range(20):
        assert (await gateway.client.get("/v1/clusters/hq", headers=gateway.as_("viewer"))).status_code == 200
    assert looked_up == 1
