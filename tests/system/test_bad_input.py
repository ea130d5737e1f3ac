"""Whatever is sent to the whole product: a clear problem with the right status, nothing stored, nothing lost, never a 5xx."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from tests.system import bad_requests
from tests.system.bad_requests import GOOD, JSON, Bad
from tests.system.database import dead_letters
from tests.system.instance import Place, started
from tests.system.product import Product, mac, problem_of, users_of

MEGABYTE = 1 << 20
LISTINGS = (
    "/v1/clusters",
    "/v1/clusters/hq/nodes",
    "/v1/clusters/hq/devices",
    "/v1/clusters/hq/license-files",
    "/v1/callers",
    "/v1/device-types",
)


@pytest.fixture(scope="module")
async def product(shared_place: Place) -> AsyncIterator[Product]:
    with started(shared_place):
        async with users_of(shared_place) as made:
            await made.make_cluster("hq", mac(0))
            await made.install("hq", await made.file_for(mac(0), 5, 1000))
            assert (await made.put_device("hq", "SEP0", "cisco-7970")).status_code == 201
            yield made


async def everything(product: Product) -> dict[str, Any]:
    """All that callers can store, as listings and reports show it."""
    seen: dict[str, Any] = {path: await product.read(path, limit="200") for path in LISTINGS}
    seen["report"] = {**await product.read("/v1/clusters/hq/unit-report"), "at": None}
    for path in ("/v1/orders", "/v1/registrations"):
        seen[path] = (await product.vendor.get(path, params={"limit": 200})).raise_for_status().json()
    return seen


async def send(product: Product, bad: Bad) -> httpx.Response:
    client = product.vendor if bad.who == "vendor" else product.admin
    return await client.request(bad.method, bad.path, content=bad.content, headers=bad.headers, files=bad.files)


def complaint(bad: Bad, answer: httpx.Response) -> str | None:
    """How an answer differs from the refusal that was due."""
    if (answer.status_code, answer.headers.get("content-type")) != (bad.status, "application/problem+json"):
        return f"{bad}: {answer.status_code} {answer.text[:200]}"
    problem = problem_of(answer)
    if problem["type"] != f"urn:licensing:problem:{bad.slug}":
        return f"{bad}: {problem['type']}"
    return None if len(answer.content) < 100_000 else f"{bad}: an answer of {len(answer.content)} bytes"


TABLES = [
    bad_requests.unreadable_bodies,
    bad_requests.spoiled_members,
    bad_requests.bad_migration_files,
    bad_requests.bad_files,
    bad_requests.bad_paths,
    bad_requests.unknown_things,
]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.__name__))
async def test_bad_requests_are_refused_with_a_clear_problem_and_store_nothing(product: Product, table: Callable[[], list[Bad]]) -> None:
    before = await everything(product)
    complaints = [complaint(bad, await send(product, bad)) for bad in table()]
    assert [each for each in complaints if each] == []
    assert await everything(product) == before
    assert (await product.admin.get("/readyz")).status_code == 200


async def test_every_door_wants_a_key_of_its_scope(product: Product, shared_place: Place) -> None:
    before = await everything(product)
    async with httpx.AsyncClient(base_url=shared_place.url) as nobody:
        for method, path, who in GOOD:
            answer = await nobody.request(method, path, json=GOOD[method, path, who])
            assert (answer.status_code, problem_of(answer)["type"]) == (401, "urn:licensing:problem:unauthorized")
            assert answer.headers["www-authenticate"].startswith("Bearer ")
            for given in ("Bearer wrong", "Bearer " + "x" * 300, "Bearer \u00e4", "Bearer", "Basic YTpi"):
                headers = {b"authorization": given.encode()}
                assert (await nobody.request(method, path, json={}, headers=headers)).status_code == 401, given
            if path != "/v1/callers":  # both sides have callers of their own
                other = product.admin if who == "vendor" else product.vendor
                refused = await other.request(method, path, json=GOOD[method, path, who])
                assert (refused.status_code, problem_of(refused)["type"]) == (403, "urn:licensing:problem:forbidden"), path
    assert await everything(product) == before


async def test_a_wrong_method_is_405_and_says_what_is_possible(product: Product) -> None:
    for method, path in (("POST", "/v1/clusters/hq"), ("DELETE", "/v1/alarms"), ("PATCH", "/v1/orders"), ("TRACE", "/livez")):
        answer = await product.admin.request(method, path)
        assert (answer.status_code, problem_of(answer)["type"]) == (405, "urn:licensing:problem:method-not-allowed")
        assert "GET" in answer.headers["allow"]


async def without_end(begin: bytes) -> AsyncIterator[bytes]:
    yield begin
    for _ in range(20):
        yield b"x" * MEGABYTE


async def test_a_body_beyond_the_limit_is_cut_off_with_413(product: Product) -> None:
    before = await everything(product)
    for method, path, who in GOOD:
        client = product.vendor if who == "vendor" else product.admin
        limit = 16 * MEGABYTE if path.endswith("/migration") else MEGABYTE  # an inventory has a row for each device
        declared = await client.request(method, path, content=b"x" * (limit + 1), headers=JSON)
        assert (declared.status_code, problem_of(declared)["limit_bytes"]) == (413, limit), path
        measured = await client.request(method, path, content=without_end(b'{"a": "'), headers=JSON)
        assert (measured.status_code, problem_of(measured)["type"]) == (413, "urn:licensing:problem:content-too-large"), path
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.lic"\r\n\r\n'
    headers = {"content-type": "multipart/form-data; boundary=b"}
    measured = await product.admin.post("/v1/clusters/hq/license-files", content=without_end(part), headers=headers)
    assert (measured.status_code, problem_of(measured)["type"]) == (413, "urn:licensing:problem:content-too-large")
    assert await everything(product) == before


async def test_of_a_member_said_twice_the_last_counts_once(product: Product) -> None:
    body = b'{"device_type": "cisco-7920", "device_type": "cisco-7970"}'
    answer = await product.admin.put("/v1/clusters/hq/devices/twice", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["units"]) == (201, 5)
    await product.remove_device("hq", "twice")
    assert (await product.pool("hq"))["used"] == 5


async def test_usual_spellings_of_a_mac_are_one_address(product: Product) -> None:
    for spelling in ("00:15:c5:00:00:55", "00-15-C5-00-00-55", "0015.c500.0055", "0015c5000055", " 0015C5000055 "):
        answer = await product.admin.put("/v1/clusters/hq/nodes/cm2", json={"mac": spelling})
        assert answer.status_code in {200, 201}
        assert answer.json()["mac"] == mac(0x55)
    assert (await product.pool("hq", "CCM_NODE"))["used"] == 2


async def test_none_of_it_was_an_error_of_ours(product: Product, shared_place: Place) -> None:
    """After all the tests above: no answer of 5xx but while it started, no alarm of a fault, no event that nobody could handle."""
    answers = (await product.figures()).matching("license_http_request_duration_seconds_count")
    assert [answer for answer in answers if answer.labels["status"] >= "500" and answer.labels["route"] != "/readyz"] == []
    alarms = (await product.read("/v1/alarms", limit="200"))["items"]
    assert {alarm["name"] for alarm in alarms} <= {"CiscoLicenseFileError"}
    assert await dead_letters(shared_place) == 0
