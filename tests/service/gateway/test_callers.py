"""/v1/callers, on a real database: keys shown once, sides apart, deletion at once."""

import asyncio

import httpx
import pytest
from sqlalchemy import text

from gateway.domain.key import digest_of
from tests.service.gateway.conftest import Gateway
from tests.service.gateway.upstream import Upstream


async def made(gateway: Gateway, caller: str, scope: str, by: str = "admin") -> httpx.Response:
    return await gateway.client.post("/v1/callers", json={"caller": caller, "scope": scope}, headers=gateway.as_(by))


async def works(gateway: Gateway, key: str) -> int:
    return (await gateway.client.get("/v1/clusters/hq", headers={"Authorization": f"Bearer {key}"})).status_code


async def test_a_new_callers_key_is_shown_once_and_works(gateway: Gateway) -> None:
    answer = await made(gateway, "provisioning", "operator")
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    key = body.pop("key")
    assert (body["caller"], body["scope"], body["created_by"]) == ("provisioning", "operator", "a admin")
    assert await works(gateway, key) == 200
    listed = await gateway.client.get("/v1/callers", headers=gateway.as_("admin"))
    assert body in listed.json()["items"]
    assert key not in listed.text


async def test_only_the_digest_of_a_key_is_stored(gateway: Gateway) -> None:
    key = (await made(gateway, "provisioning", "operator")).json()["key"]
    async with gateway.app.state.kit.database.transaction() as tx:
        rows = (await tx.session.execute(text("SELECT known::text FROM gateway.caller AS known"))).scalars().all()
    assert any(digest_of(key).hex() in row for row in rows)
    assert not any(key in row for row in rows)


async def test_a_name_is_taken_once(gateway: Gateway) -> None:
    assert (await made(gateway, "provisioning", "operator")).status_code == 201
    again = await made(gateway, "provisioning", "viewer")
    assert again.status_code == 409
    assert again.json()["type"] == "urn:licensing:problem:caller-exists"


@pytest.mark.parametrize("body", [{}, {"caller": "x"}, {"caller": "a/b", "scope": "viewer"}, {"caller": "x", "scope": "root"}])
async def test_a_caller_that_cannot_be_is_refused_with_the_reason(gateway: Gateway, body: dict[str, str]) -> None:
    answer = await gateway.client.post("/v1/callers", json=body, headers=gateway.as_("admin"))
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:licensing:problem:invalid-request")


async def test_admin_and_vendor_neither_make_nor_see_nor_delete_each_others_callers(gateway: Gateway) -> None:
    for by, scope in (("admin", "vendor"), ("vendor", "admin"), ("vendor", "viewer")):
        refused = await made(gateway, "other", scope, by)
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:licensing:problem:forbidden")
        assert (refused.json()["scope"], refused.json()["scope_held"]) == (scope, by)
    for by, other in (("admin", "vendor"), ("vendor", "admin")):
        assert (await gateway.client.delete(f"/v1/callers/a {other}", headers=gateway.as_(by))).status_code == 403
    seen = {
        by: [c["scope"] for c in (await gateway.client.get("/v1/callers", headers=gateway.as_(by))).json()["items"]]
        for by in ("admin", "vendor")
    }
    assert seen == {"admin": ["admin", "operator", "viewer"], "vendor": ["vendor"]}
    assert (await made(gateway, "a second desk", "vendor", "vendor")).status_code == 201


@pytest.mark.parametrize("scope", ["viewer", "operator"])
async def test_only_those_who_manage_callers_manage_them(gateway: Gateway, scope: str) -> None:
    refused = await made(gateway, "other", "viewer", scope)
    assert refused.status_code == 403
    assert refused.json()["detail"] == f"POST /v1/callers needs a key of scope admin or vendor; that of 'a {scope}' has scope {scope}."


async def test_a_deleted_callers_key_ends_at_once(gateway: Gateway) -> None:
    key = (await made(gateway, "provisioning", "operator")).json()["key"]
    assert await works(gateway, key) == 200
    assert (await gateway.client.delete("/v1/callers/provisioning", headers=gateway.as_("admin"))).status_code == 204
    assert await works(gateway, key) == 401
    assert (await gateway.client.delete("/v1/callers/provisioning", headers=gateway.as_("admin"))).status_code == 204


async def test_a_look_up_that_began_before_a_deletion_does_not_undo_it(gateway: Gateway) -> None:
    for _ in range(10):
        key = (await made(gateway, "provisioning", "operator")).json()["key"]
        asking = [asyncio.create_task(works(gateway, key)) for _ in range(2)]
        await gateway.client.delete("/v1/callers/provisioning", headers=gateway.as_("admin"))
        assert set(await asyncio.gather(*asking)) <= {200, 401}
        assert await works(gateway, key) == 401


async def test_the_last_admin_stays(gateway: Gateway) -> None:
    for scope in ("admin", "vendor"):
        refused = await gateway.client.delete(f"/v1/callers/a {scope}", headers=gateway.as_(scope))
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:licensing:problem:last-admin")
        assert await gateway.client.get("/v1/callers", headers=gateway.as_(scope))


async def test_two_admins_who_delete_each_other_leave_one(gateway: Gateway) -> None:
    other = {"Authorization": f"Bearer {(await made(gateway, 'another', 'admin')).json()['key']}"}
    answers = await asyncio.gather(
        gateway.client.delete("/v1/callers/another", headers=gateway.as_("admin")),
        gateway.client.delete("/v1/callers/a admin", headers=other),
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses in ([204, 401], [204, 409])
    async with gateway.app.state.kit.database.transaction() as tx:
        assert await tx.session.scalar(text("SELECT count(*) FROM gateway.caller WHERE scope = 'admin'")) == 1


async def test_callers_are_listed_page_by_page(gateway: Gateway) -> None:
    for number in range(3):
        await made(gateway, f"p{number}", "viewer")
    names, cursor = [], None
    for _ in range(10):
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await gateway.client.get("/v1/callers", params=query, headers=gateway.as_("admin"))).json()
        names += [item["caller"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert names == ["a admin", "a operator", "a viewer", "p0", "p1", "p2"]
    assert (await gateway.client.get("/v1/callers?limit=201", headers=gateway.as_("admin"))).status_code == 422


async def test_a_callers_name_beyond_ascii_reaches_services_as_it_is(gateway: Gateway, upstream: Upstream) -> None:
    key = (await made(gateway, "büro 100%", "viewer")).json()["key"]
    assert await works(gateway, key) == 200
    assert upstream.identity().caller == "büro 100%"
