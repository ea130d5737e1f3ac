"""The files that the desk makes, as a customer reads them; and re-hosts."""

import asyncio
import hashlib
import re
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI

from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, running
from tests.service.registration.desk import EMAIL, MAC, OTHER_MAC, THIRD_MAC, Desk, desk_app, problem_of

SHAPE = r"""# order \d+, share 1: 15 of 20 nodes, 15000 of 20000 units
INCREMENT CCM_NODE cisco 5\.0 permanent uncounted \\
VENDOR_STRING=<Count>15</Count><OrigMacId>0015C5F3A1B2</OrigMacId><LicFileVersion>1\.0</LicFileVersion><KeyId>[0-9A-F]{16}</KeyId> \\
HOSTID=0015c5f3a1b2 \\
NOTICE="<LicFileID>(?P<id>\d{17})</LicFileID><LicLineID>1</LicLineID> \\
<PAK>[2-9A-Z]{10}</PAK><OrderCount>20</OrderCount>" SIGN="(?:[0-9A-F]{4}(?: \\\n| )?){32}"
INCREMENT PHONE_UNIT cisco 5\.0 permanent uncounted \\
VENDOR_STRING=<Count>15000</Count><OrigMacId>0015C5F3A1B2</OrigMacId><LicFileVersion>1\.0</LicFileVersion><KeyId>[0-9A-F]{16}</KeyId> \\
HOSTID=0015c5f3a1b2 OVERDRAFT=750 \\
NOTICE="<LicFileID>(?P=id)</LicFileID><LicLineID>2</LicLineID> \\
<PAK>[2-9A-Z]{10}</PAK><OrderCount>20000</OrderCount>" SIGN="(?:[0-9A-F]{4}(?: \\\n| )?){32}"
"""


async def test_a_license_file_has_the_fields_shape_and_is_the_same_at_every_download(desk: Desk) -> None:
    made = (await desk.register(await desk.pak(), "00:15:c5:f3:a1:b2", nodes=15, units=15000)).json()
    assert made["file_name"] == f"{made['license_file_id']}.lic"
    answer = await desk.http.get(f"/v1/registrations/{made['license_file_id']}/license-file")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{made["file_name"]}"'
    assert re.fullmatch(SHAPE, answer.text), answer.text
    assert hashlib.sha256(answer.content).hexdigest() == made["sha256"]
    assert await desk.file(made["license_file_id"]) == answer.content


async def test_every_line_reads_without_fault_and_its_signature_holds(desk: Desk) -> None:
    pak = await desk.pak(product_version="6.1")
    made = (await desk.register(pak, nodes=15, units=15000)).json()
    lines = await desk.lines(made["license_file_id"])
    assert [(line.feature, line.units, line.overdraft_units, line.order_count) for line in lines] == [
        ("CCM_NODE", 15, 0, 20),
        ("PHONE_UNIT", 15000, 750, 20000),
        ("SW_FEATURE", 1, 0, None),
    ]
    for line in lines:
        assert (line.vendor, line.version, line.pak, line.host_ids, line.original_mac) == ("cisco", "6.1", pak, (MAC,), MAC)
        assert (line.replaces, line.migration_id, line.expiry) == ((), None, None)


@pytest.mark.parametrize(("nodes", "units", "features"), [(0, 19, ["PHONE_UNIT"]), (3, 0, ["CCM_NODE"])])
async def test_a_file_of_one_feature_has_one_line_and_no_overdraft_below_twenty_units(
    desk: Desk, nodes: int, units: int, features: list[str]
) -> None:
    made = (await desk.register(await desk.pak(nodes=nodes, units=units))).json()
    lines = await desk.lines(made["license_file_id"])
    assert [line.feature for line in lines] == features
    assert "OVERDRAFT" not in lines[0].attributes
    assert made["overdraft_units"] == 0


async def test_a_rehost_has_the_same_content_a_new_mac_and_names_the_whole_chain(desk: Desk) -> None:
    first = (await desk.register(await desk.pak(product_version="6.0"), nodes=15, units=15000)).json()["license_file_id"]
    answer = await desk.rehost(first, OTHER_MAC)
    assert answer.status_code == 201
    second = answer.json()["license_file_id"]
    assert {"replaces": first, "mac": OTHER_MAC, "nodes": 15, "units": 15000, "overdraft_units": 750}.items() <= answer.json().items()
    third = (await desk.rehost(second, THIRD_MAC)).json()["license_file_id"]
    files = [await desk.lines(one) for one in (first, second, third)]
    for old, middle, new in zip(*files, strict=True):
        for same in ("feature", "version", "units", "overdraft_units", "expiry", "order_count", "pak", "license_line_id"):
            assert getattr(old, same) == getattr(middle, same) == getattr(new, same)
        assert (old.host_ids, middle.host_ids, new.host_ids) == ((MAC,), (OTHER_MAC,), (THIRD_MAC,))
        assert {line.original_mac for line in (old, middle, new)} == {MAC}
        assert (old.replaces, middle.replaces, new.replaces) == ((), (first,), (second, first))
    kept = (await desk.http.get(f"/v1/registrations/{second}")).json()
    assert {"replaces": first, "replaced_by": third, "reason": "the first node failed", "made_by": "clerk"}.items() <= kept.items()


async def test_a_rehost_takes_nothing_from_the_order(desk: Desk) -> None:
    pak = await desk.pak()
    made = (await desk.register(pak, nodes=15, units=15000)).json()
    await desk.rehost(made["license_file_id"])
    seen = (await desk.http.get(f"/v1/paks/{pak}")).json()
    assert (seen["remaining_nodes"], seen["remaining_units"], seen["license_files_total"]) == (5, 5000, 2)


async def test_a_replaced_file_is_not_rehosted_again_and_the_successor_is_named(desk: Desk) -> None:
    first = (await desk.register(await desk.pak())).json()["license_file_id"]
    second = (await desk.rehost(first)).json()["license_file_id"]
    refused = await desk.rehost(first, THIRD_MAC)
    assert problem_of(refused) == (409, "already-rehosted")
    assert refused.json()["successor"] == second


async def test_of_ten_rehosts_of_one_file_at_once_exactly_one_is_made(desk: Desk) -> None:
    first = (await desk.register(await desk.pak())).json()["license_file_id"]
    answers = await asyncio.gather(*(desk.rehost(first, f"0015C5F3A1{n:02X}") for n in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    (made,) = [answer.json()["license_file_id"] for answer in answers if answer.status_code == 201]
    assert {answer.json()["successor"] for answer in answers if answer.status_code == 409} == {made}


async def test_a_rehost_to_the_same_mac_or_of_an_unknown_file_is_refused(desk: Desk) -> None:
    first = (await desk.register(await desk.pak())).json()["license_file_id"]
    assert problem_of(await desk.rehost(first, "00-15-C5-F3-A1-B2")) == (409, "same-mac")
    assert problem_of(await desk.rehost("20200101000000000")) == (404, "not-found")
    assert problem_of(await desk.http.get("/v1/registrations/20200101000000000/license-file")) == (404, "not-found")


async def test_a_file_of_an_earlier_signing_key_is_signed_anew_for_the_same_mac(
    desk: Desk, database_url: str, tmp_path: Path, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    """The vendor's key was replaced: a file that nobody trusts any more must not be lost to its server."""
    first = (await desk.register(await desk.pak())).json()["license_file_id"]
    newer = tmp_path / "newer"
    async with running(desk_app(database_url, newer, bus, clock, metrics)) as http:
        rotated = Desk(http, newer)
        answer = await rotated.rehost(first, MAC, reason="the key was revoked")
        assert answer.status_code == 201, answer.text
        again = answer.json()["license_file_id"]
        assert {line.replaces for line in await rotated.lines(again)} == {(first,)}
        refused = await rotated.rehost(again, MAC)
        assert problem_of(refused) == (409, "same-mac")
        assert "current key" in refused.json()["detail"]


async def test_an_expired_license_is_not_rehosted(desk: Desk, clock: TestClock) -> None:
    pak = await desk.pak(expires=(clock.now().date() + timedelta(days=30)).isoformat())
    made = (await desk.register(pak)).json()["license_file_id"]
    clock.advance(timedelta(days=31))
    assert problem_of(await desk.rehost(made)) == (409, "order-expired")
    assert (await desk.http.get(f"/v1/registrations/{made}")).json()["replaced_by"] is None


async def test_a_repeated_rehost_with_the_same_key_gives_the_same_file(desk: Desk) -> None:
    first = (await desk.register(await desk.pak())).json()["license_file_id"]
    body = {"license_file_id": first, "mac": OTHER_MAC, "email": EMAIL, "reason": "moved"}
    answers = [await desk.http.post("/v1/rehosts", json=body, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


async def test_every_operation_of_the_desk_is_the_vendors(desk: Desk) -> None:
    app = desk.http._transport.app  # type: ignore[attr-defined]
    assert isinstance(app, FastAPI)
    operations = [one for path in app.openapi()["paths"].values() for one in path.values()]
    assert len(operations) == 16
    assert all(one["security"] == [{"callerKey": ["vendor"]}] for one in operations)
