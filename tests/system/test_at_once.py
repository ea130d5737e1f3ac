"""Many callers at once, through the gateway of the whole product: no count is ever exceeded, and none is left unused."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tests.house import eventually
from tests.system.instance import Place, started
from tests.system.product import EMAIL, Product, mac, problem_of, users_of

SETTINGS = {"LICENSING_OVERDRAFT_PERCENT": "50"}


@pytest.fixture(scope="module")
async def product(shared_place: Place) -> AsyncIterator[Product]:
    with started(shared_place):
        async with users_of(shared_place) as made:
            yield made


async def test_thirty_registrations_of_one_pak_at_once_never_exceed_the_order(product: Product) -> None:
    pak = await product.approved_pak(20, 20_000)
    shares = [{"pak": pak, "mac": mac(n), "email": EMAIL, "nodes": 1, "units": 1000} for n in range(30)]
    answers = await asyncio.gather(*(product.vendor.post("/v1/registrations", json=share) for share in shares))
    assert Counter(answer.status_code for answer in answers) == {201: 20, 409: 10}
    for refused in (answer for answer in answers if answer.status_code == 409):
        problem = problem_of(refused)
        assert problem["type"] == "urn:licensing:problem:order-exhausted"
        assert (problem["remaining_nodes"], problem["remaining_units"]) == (0, 0)
    made = [answer.json() for answer in answers if answer.status_code == 201]
    assert len({file["license_file_id"] for file in made}) == 20
    order = (await product.vendor.get(f"/v1/paks/{pak}")).json()
    assert (order["remaining_nodes"], order["remaining_units"]) == (0, 0)
    assert {file["license_file_id"] for file in order["license_files"]} == {file["license_file_id"] for file in made}
    assert sum(file["units"] for file in order["license_files"]) == 20_000


async def test_forty_check_outs_at_once_on_ten_and_five_units_give_fifteen(product: Product) -> None:
    await product.make_cluster("narrow", mac(100), starter=False)
    await product.install("narrow", await product.file_for(mac(100), 1, 10))
    answers = await asyncio.gather(*(product.put_device("narrow", f"SEP{n:012X}", "cisco-7902") for n in range(40)))
    assert Counter(answer.status_code for answer in answers) == {201: 15, 409: 25}
    for refused in (answer for answer in answers if answer.status_code == 409):
        problem = problem_of(refused)
        assert problem["type"] == "urn:licensing:problem:units-exhausted"
        numbers = {name: problem[name] for name in ("asked", "free", "authorized", "used", "overdraft_allowed")}
        assert numbers == {"asked": 1, "free": 0, "authorized": 10, "used": 15, "overdraft_allowed": 5}
        assert problem["ways_out"]
    pool = await product.pool("narrow")
    assert (pool["authorized"], pool["overdraft_allowed"], pool["used"], pool["overdraft"]) == (10, 5, 15, 5)
    assert pool["status"] == "exhausted"
    assert len((await product.read("/v1/clusters/narrow/devices", limit="200"))["items"]) == 15

    async def counted() -> bool:
        return [alarm["count"] for alarm in await product.alarms("CiscoLicenseRequestFailed", "narrow/PHONE_UNIT")] == [25]

    await eventually(counted, "one alarm that counts 25 refusals")
    assert [alarm["count"] for alarm in await product.alarms("CiscoLicenseOverDraft", "narrow/PHONE_UNIT")] == [1]


async def test_one_device_from_twenty_callers_at_once_takes_its_units_once(product: Product) -> None:
    await product.make_cluster("same", mac(101))
    answers = await asyncio.gather(*(product.put_device("same", "SEP1", "cisco-7970") for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 19}
    assert (await product.pool("same"))["used"] == 5


async def test_one_file_uploaded_by_five_at_once_is_installed_and_granted_once(product: Product) -> None:
    await product.make_cluster("twice", mac(102))
    file = await product.file_for(mac(102), 1, 300)
    answers = await asyncio.gather(*(product.upload("twice", file) for _ in range(5)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 422: 4}
    for refused in (answer for answer in answers if answer.status_code == 422):
        assert [reason["code"] for reason in problem_of(refused)["reasons"]] == ["already_installed"]
    await product.granted("twice", file)
    pool = await product.pool("twice")
    assert (pool["authorized"], pool["overdraft_allowed"]) == (300, 150)
    listed = (await product.read("/v1/clusters/twice/license-files"))["items"]
    assert [each["license_file_id"] for each in listed] == [file.license_file_id]


async def test_two_clusters_that_take_one_file_at_once_share_nothing(product: Product) -> None:
    """The same MAC cannot be in both, so one of them has no host for it; the units exist once."""
    await product.make_cluster("left", mac(103))
    await product.make_cluster("right", mac(104))
    file = await product.file_for(mac(103), 1, 300)
    left, right = await asyncio.gather(product.upload("left", file), product.upload("right", file))
    assert (left.status_code, right.status_code) == (201, 422)
    assert "not_this_host" in [reason["code"] for reason in problem_of(right)["reasons"]]
    await product.granted("left", file)
    assert [(await product.pool(cluster))["authorized"] for cluster in ("left", "right")] == [300, 50]
