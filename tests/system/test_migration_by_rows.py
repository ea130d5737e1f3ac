"""A cluster of 4.x on its way through the whole product: from its bulk export to the free license file, and what the gateway lets in."""

import hashlib
import json
from collections.abc import AsyncIterator

import pytest

from tests.system.instance import Place, started
from tests.system.product import EMAIL, LicenseFile, Product, mac, problem_of, users_of

MEBIBYTE = 1 << 20
EXPORT = "Device Name,Description,Device Type\r\n" + "".join(
    f'SEP{n:012X},"floor {n % 7}, desk {n}",{("Cisco 7970", "Cisco 7920", "Cisco ATA 188/xyz")[n % 3]}\r\n' for n in range(600)
)
ASKED = {"from_version": "4.1", "to_version": "5.0", "nodes": "1"}


@pytest.fixture(scope="module")
async def product(shared_place: Place) -> AsyncIterator[Product]:
    with started(shared_place):
        async with users_of(shared_place) as made:
            yield made


async def test_an_export_becomes_a_free_license_file_that_counts_beside_a_purchased_one(product: Product) -> None:
    await product.make_cluster("old", mac(1))
    csv = {"Content-Type": "text/csv"}
    counted = await product.admin.post("/v1/clusters/old/migration", params=ASKED, content=EXPORT.encode(), headers=csv)
    assert counted.status_code == 201, counted.text
    migration = counted.json()
    assert (migration["rows"], migration["total_units"]) == (600, 200 * 5 + 200 * 4)
    assert [(one["model"], one["devices"]) for one in migration["unknown_models"]] == [("Cisco ATA 188/xyz", 200)]
    xml = (await product.admin.get("/v1/clusters/old/migration-file")).raise_for_status().text
    assert "<model>Cisco ATA 188/xyz</model>" in xml
    body = {"migration_file": xml, "mac": mac(1), "email": EMAIL}
    changed = {**body, "migration_file": xml.replace("<count>200</count>", "<count>201</count>", 1)}
    assert (
        problem_of(await product.vendor.post("/v1/registrations", json=changed))["type"] == "urn:licensing:problem:invalid-migration-file"
    )
    made = (await product.vendor.post("/v1/registrations", json=body)).raise_for_status().json()
    orders = (await product.vendor.get("/v1/orders")).json()["items"]
    assert orders[-1]["unknown_models"] == [{"model": "Cisco ATA 188/xyz", "devices": 200}]
    assert (await product.vendor.post("/v1/registrations", json=body)).status_code == 409
    content = (await product.vendor.get(f"/v1/registrations/{made['license_file_id']}/license-file")).raise_for_status().content
    await product.install("old", LicenseFile(made["license_file_id"], made["file_name"], content))
    bought = await product.file_for(mac(1), 1, 500)
    await product.install("old", bought)
    pool = await product.pool("old")
    assert (pool["authorized"], pool["migrated_units"]) == (2300, 1800)
    files = (await product.read("/v1/clusters/old/unit-report"))["license_files"]
    came_of = {file["license_file_id"]: file["migration_id"] for file in files}
    assert (came_of[made["license_file_id"]], came_of[bought.license_file_id]) == (migration["migration_id"], None)


async def test_fifteen_mebibytes_of_rows_pass_and_seventeen_do_not(product: Product) -> None:
    await product.make_cluster("large", mac(2))
    rows = [{"device": f"SEP{n:012X}", "model": "Cisco 7970", "description": "x" * 200} for n in range(60_000)]
    body = json.dumps({**ASKED, "nodes": 1, "rows": rows}).encode()
    headers = {"Content-Type": "application/json"}
    assert 15 * MEBIBYTE < len(body) < 16 * MEBIBYTE
    refused = await product.admin.post("/v1/clusters/large/migration", content=body + b" " * (17 * MEBIBYTE - len(body)), headers=headers)
    assert (refused.status_code, problem_of(refused)["limit_bytes"]) == (413, 16 * MEBIBYTE)
    counted = await product.admin.post("/v1/clusters/large/migration", content=body, headers=headers)
    assert (counted.status_code, counted.json()["total_units"]) == (201, 300_000)


async def test_an_upload_of_unknown_length_is_cut_off_at_the_door(product: Product) -> None:
    await product.make_cluster("doors", mac(3))

    async def long() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.lic"\r\n\r\n'
        for _ in range(64):
            yield b"#" * 65_536

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    refused = await product.admin.post("/v1/clusters/doors/license-files", content=long(), headers=headers)
    assert (refused.status_code, problem_of(refused)["type"]) == (413, "urn:licensing:problem:content-too-large")
    assert (await product.read("/v1/clusters/doors/license-files"))["items"][0]["license_file_id"] == "starter"


async def test_a_file_goes_out_through_the_gateway_as_it_came_with_its_digest(product: Product) -> None:
    await product.make_cluster("bytes", mac(4))
    sent = await product.file_for(mac(4), 1, 10)
    latin = LicenseFile(
        sent.license_file_id, "M\u00fcnchen.lic", b"\xef\xbb\xbf" + sent.content.replace(b"\n", b"\r\n") + b"# \xa9 M\xfcnchen"
    )
    await product.install("bytes", latin)
    viewed = await product.admin.get(f"/v1/clusters/bytes/license-files/{sent.license_file_id}/content")
    assert viewed.content == latin.content
    assert viewed.headers["etag"] == f'"{hashlib.sha256(latin.content).hexdigest()}"'
    assert viewed.headers["repr-digest"].startswith("sha-256=:")
    assert viewed.headers["content-disposition"].endswith("filename*=UTF-8''M%C3%BCnchen.lic")
