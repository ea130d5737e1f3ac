"""What a pre-flight foretells of a cluster, its pools and its license manager is what the whole product then does."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.house import eventually
from tests.system.instance import Place, started
from tests.system.product import Body, LicenseFile, Product, mac, problem_of, users_of

SETTINGS = {"LICENSING_OVERDRAFT_PERCENT": "50"}
OLD, SECOND, NEW = mac(1), mac(2), mac(3)
CLUSTER = "/v1/clusters/foretold"


@pytest.fixture(scope="module")
async def product(shared_place: Place) -> AsyncIterator[Product]:
    with started(shared_place):
        async with users_of(shared_place) as made:
            yield made


async def as_it_is(product: Product) -> Body:
    """The cluster by the ledger's report, in the form of a pre-flight."""
    report = await product.read(f"{CLUSTER}/unit-report")
    names = ("feature", "authorized", "overdraft_allowed", "used", "remaining", "overdraft", "status")
    manager = {name: report["license_manager"][name] for name in ("node", "mac")}
    return {"pools": [{name: of[name] for name in names} for of in report["features"]], "license_manager": manager}


def as_foretold(cluster: Body) -> Body:
    return {name: cluster[name] for name in ("pools", "license_manager")}


async def put(product: Product, path: str, body: dict[str, Any]) -> None:
    (await product.admin.put(CLUSTER + path, json=body)).raise_for_status()


async def in_use(product: Product) -> tuple[LicenseFile, LicenseFile]:
    """A cluster at 5.0 with two nodes and a file for each, and more units in use than one of the files holds."""
    await product.make_cluster("foretold", OLD)
    first, second = await product.file_for(OLD, 1, 12), await product.file_for(SECOND, 1, 8)
    await product.install("foretold", first)
    await put(product, "/nodes/foretold-cm1", {"mac": OLD, "first": True})
    assert (await product.admin.put(f"{CLUSTER}/nodes/foretold-cm2", json={"mac": SECOND})).status_code == 409  # its license comes first
    spare = await product.file_for(OLD, 1, 0)
    await product.install("foretold", spare)
    await put(product, "/nodes/foretold-cm2", {"mac": SECOND})
    await product.install("foretold", second)
    for number in range(2):
        assert (await product.put_device("foretold", f"SEP{number:012X}", "cisco-7970")).status_code == 201
    (await product.admin.delete(f"{CLUSTER}/license-files/{spare.license_file_id}")).raise_for_status()

    async def spare_is_gone() -> bool:
        return bool((await product.pool("foretold", "CCM_NODE"))["authorized"] == 2)

    await eventually(spare_is_gone, "the ledger has taken the spare node license back")
    return first, second


async def test_another_mac_and_a_raised_major(product: Product) -> None:
    first, second = await in_use(product)
    change = {"first_node_mac": NEW, "product_version": "6.0"}
    told = (await product.admin.post(f"{CLUSTER}/pre-flight", json=change)).raise_for_status().json()
    assert as_foretold(told["before"]) == await as_it_is(product)
    assert {file["license_file_id"]: file["breaks"] for file in told["license_files"]} == {
        first.license_file_id: True,
        second.license_file_id: False,
    }
    await put(product, "", {"product_version": "6.0"})
    await put(product, "/nodes/foretold-cm1", {"mac": NEW})

    async def states() -> bool:
        listed = {file["license_file_id"]: file["state"] for file in (await product.read(f"{CLUSTER}/license-files"))["items"]}
        return all(listed[file["license_file_id"]] == file["after"]["state"] for file in told["license_files"])

    await eventually(states, "the files stand as was foretold")
    assert as_foretold(told["after"]) == await as_it_is(product)
    refused = await product.put_device("foretold", "SEP-new", "cisco-7902")
    assert (told["after"]["software_license_missing"], problem_of(refused)["type"]) == (
        True,
        "urn:licensing:problem:software-license-missing",
    )
    # The end of its grace takes a file's units as a retirement does.
    (await product.admin.delete(f"{CLUSTER}/license-files/{first.license_file_id}")).raise_for_status()

    async def ended() -> bool:
        return as_foretold(told["in_the_end"]) == await as_it_is(product)

    await eventually(ended, "pools and role are as foretold for the end")
    assert told["in_the_end"]["license_manager"]["mac"] == SECOND
    assert [pool["status"] for pool in told["in_the_end"]["pools"]] == ["beyond_allowance", "overdraft"]
