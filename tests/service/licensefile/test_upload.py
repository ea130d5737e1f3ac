"""Uploading, verifying, viewing and retiring through the doors."""

import asyncio
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.contracts.events.ledger import GrantsChanged
from shared.contracts.events.licensefile import LicenseFileInstalled, LicenseFileRefused, LicenseFileStateChanged
from shared.kit.clock import TestClock
from shared.license_file.signature import key_id_of
from tests.house import RememberingBus
from tests.service.licensefile.conftest import Desk, StubLedger, codes
from tests.unit.licensefile.made import FILE_ID, FOREIGN_MAC, KEY, MAC, OTHER_ID, REVOKED, STRANGER, made_file

GOOD = made_file(comment="order 4711, München")


async def test_an_accepted_file_is_stored_published_and_granted_once(desk: Desk, bus: RememberingBus, clock: TestClock) -> None:
    answer = await desk.upload(GOOD, name="headquarters.lic")
    body = answer.json()
    assert (answer.status_code, body["license_file_id"], body["file_name"]) == (201, FILE_ID, "headquarters.lic")
    assert (body["verdict"], body["state"], body["granted"], body["mac"]) == ("accepted", "installed", False, MAC)
    assert body["grants"] == [
        {"feature": "PHONE_UNIT", "units": 1000, "overdraft_units": 50},
        {"feature": "CCM_NODE", "units": 15, "overdraft_units": 0},
    ]
    assert [(line["feature"], line["units"], line["host_ids"]) for line in body["lines"]] == [
        ("CCM_NODE", 15, [MAC]),
        ("PHONE_UNIT", 1000, [MAC]),
    ]
    (installed,) = await bus.hear(LicenseFileInstalled)
    assert (installed.license_file_id, installed.version, installed.replaces, installed.expires_at) == (FILE_ID, 1, [], None)
    assert [(line.line_id, line.feature, line.units, line.overdraft_units, line.major) for line in installed.lines] == [
        (1, "CCM_NODE", 15, 0, 5),
        (2, "PHONE_UNIT", 1000, 50, 5),
    ]
    await bus.say(GrantsChanged(cluster="headquarters", license_file_id=FILE_ID, version=1, granted=True, at=clock.now()))
    assert (await desk.file(FILE_ID))["granted"] is True


async def test_a_refused_file_tells_all_reasons_and_leaves_nothing_but_its_event(desk: Desk, bus: RememberingBus) -> None:
    answer = await desk.upload(made_file(mac=FOREIGN_MAC, key=STRANGER), name="a.txt")
    assert codes(answer) == {"invalid_extension", "unknown_signer", "not_this_host"}
    assert answer.json()["reasons_total"] == 5
    (refused,) = await bus.hear(LicenseFileRefused)
    assert (refused.cluster, refused.file_name, len(refused.reasons)) == ("headquarters", "a.txt", 5)
    assert await desk.listed() == []
    assert bus.heard(LicenseFileInstalled) == []


async def test_view_file_gives_the_bytes_exactly(desk: Desk) -> None:
    latin = b"\xef\xbb\xbf# order\r\n" + GOOD.replace(b"\n", b"\r\n") + b"# M\xfcnchen"
    assert (await desk.upload(latin)).status_code == 201
    viewed = await desk.http.get(f"/v1/clusters/headquarters/license-files/{FILE_ID}/content")
    assert viewed.content == latin
    assert viewed.headers["content-type"] == "text/plain; charset=iso-8859-1"
    assert (await desk.http.get(f"/v1/clusters/branch/license-files/{FILE_ID}/content")).status_code == 404


async def test_a_verification_keeps_nothing_and_raises_nothing(desk: Desk, bus: RememberingBus) -> None:
    accepted, refused = await desk.verify(GOOD), await desk.verify(made_file(mac=FOREIGN_MAC), name="a.txt")
    assert (accepted.status_code, accepted.json()["verdict"], accepted.json()["reasons"]) == (200, "accepted", [])
    assert accepted.json()["grants"][0]["units"] == 1000
    assert (refused.status_code, refused.json()["verdict"]) == (200, "refused")
    assert [reason["code"] for reason in refused.json()["reasons"]] == ["invalid_extension", "not_this_host", "not_this_host"]
    assert await desk.listed() == []
    assert (await desk.upload(GOOD)).status_code == 201
    await bus.hear(LicenseFileInstalled)
    assert bus.heard(LicenseFileRefused) == []
    assert (await desk.verify(GOOD)).json()["reasons"][0]["code"] == "already_installed"


async def test_two_uploads_of_one_file_at_once_give_one_installation(desk: Desk, bus: RememberingBus) -> None:
    answers = await asyncio.gather(*(desk.upload(GOOD) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 7
    assert {code for answer in answers if answer.status_code == 422 for code in codes(answer)} == {"already_installed"}
    assert len(await bus.hear(LicenseFileInstalled)) == 1


async def test_one_license_file_id_grants_in_one_cluster_only(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.upload(GOOD, cluster) for cluster in ("headquarters", "branch") * 3))
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 5
    seen = set().union(*(codes(answer) for answer in answers if answer.status_code == 422))
    assert seen == {"already_installed", "license_in_use"}


async def test_a_retired_file_never_returns_and_keeps_its_bytes(desk: Desk, bus: RememberingBus) -> None:
    await desk.upload(GOOD)
    where = f"/v1/clusters/headquarters/license-files/{FILE_ID}"
    assert (await desk.http.delete(where)).status_code == 204
    assert (await desk.http.delete(where)).status_code == 204
    (changed,) = await bus.hear(LicenseFileStateChanged)
    assert (changed.state, changed.granting, changed.version) == ("retired", False, 2)
    assert codes(await desk.upload(GOOD)) == {"retired"}
    assert codes(await desk.upload(GOOD, "branch")) == {"retired"}
    assert codes(await desk.upload(made_file(units=9))) == {"retired", "tampered"}
    assert (await desk.file(FILE_ID))["state"] == "retired"
    assert (await desk.http.get(f"{where}/content")).content == GOOD
    for unknown in (f"/v1/clusters/branch/license-files/{FILE_ID}", "/v1/clusters/headquarters/license-files/starter"):
        assert (await desk.http.delete(unknown)).status_code == 404


async def test_an_idempotency_key_repeats_the_answer_and_a_refusal_may_be_asked_again(desk: Desk, bus: RememberingBus, keys: Path) -> None:
    headers = {"Idempotency-Key": "one"}
    (keys / "vendor.pub").rename(keys / "vendor.off")
    assert codes(await desk.upload(GOOD, headers=headers)) == {"unknown_signer"}
    (keys / "vendor.off").rename(keys / "vendor.pub")
    first, again = await desk.upload(GOOD, headers=headers), await desk.upload(GOOD, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    other = await desk.upload(made_file(license_file_id=OTHER_ID), headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "urn:licensing:problem:idempotency-key-reused")
    assert len(await bus.hear(LicenseFileInstalled)) == 1


async def test_keys_are_read_anew_for_every_file(desk: Desk, keys: Path) -> None:
    pem = STRANGER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (keys / "new.pub").write_bytes(pem)
    assert (await desk.verify(made_file(key=STRANGER))).json()["verdict"] == "accepted"
    for name in ("compromised.pub", "compromised.revoked"):
        (keys / name).write_text(REVOKED.public_key().public_bytes_raw().hex())
    assert codes(await desk.upload(made_file(key=REVOKED))) == {"key_revoked"}
    (keys / "broken.pub").write_text("no key")
    broken = await desk.upload(GOOD)
    assert (broken.status_code, broken.json()["type"]) == (503, "urn:licensing:problem:trusted-keys-unusable")
    assert "'broken.pub'" in broken.json()["detail"]


async def test_an_unusable_key_ends_the_start(desk: Desk, keys: Path) -> None:
    (keys / "broken.pub").write_text("zz")
    (start,) = desk.app.state.kit.plan.on_start
    with pytest.raises(Exception, match=r"'broken\.pub' cannot be used"):
        await start(desk.app.state.kit)


async def test_a_key_in_the_file_is_not_trusted_for_being_there(desk: Desk, keys: Path) -> None:
    (keys / "vendor.pub").unlink()
    refused = await desk.upload(GOOD)
    assert codes(refused) == {"unknown_signer"}
    assert key_id_of(KEY.public_key()) in refused.json()["reasons"][0]["text"]


async def test_without_the_ledger_nothing_is_stored(desk: Desk, bus: RememberingBus, ledger: StubLedger) -> None:
    ledger.away = True
    answers = [await desk.upload(GOOD), await desk.verify(GOOD)]
    assert [(a.status_code, a.json()["type"]) for a in answers] == [(503, "urn:licensing:problem:upstream-unavailable")] * 2
    ledger.away = False
    assert await desk.listed() == []
    assert bus.envelopes == []


async def test_an_unknown_cluster_is_404(desk: Desk) -> None:
    answers: list[httpx.Response] = [await desk.upload(GOOD, "nowhere"), await desk.verify(GOOD, "nowhere")]
    answers += [await desk.http.get(f"/v1/clusters/nowhere/{what}") for what in ("license-files", "migration-file")]
    assert [(a.status_code, a.json()["type"]) for a in answers] == [(404, "urn:licensing:problem:not-found")] * 4


@pytest.mark.parametrize("limit", [1, 2, 3, 6])
async def test_the_list_goes_by_pages_of_no_more_than_the_limit_and_shows_the_starter_first(
    desk: Desk, ledger: StubLedger, limit: int
) -> None:
    ledger.put("headquarters", MAC, starter=True)
    ids = [f"2026031409265358{digit}" for digit in range(5)]
    for file_id in reversed(ids):
        assert (await desk.upload(made_file(license_file_id=file_id))).status_code == 201
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(9):
        params = {"limit": str(limit), **({"cursor": cursor} if cursor else {})}
        page = (await desk.http.get("/v1/clusters/headquarters/license-files", params=params)).json()
        assert len(page["items"]) <= limit
        seen += [item["license_file_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["starter", *ids]


async def test_the_starter_is_shown_as_one_of_the_files_and_has_no_content(desk: Desk, ledger: StubLedger) -> None:
    ledger.put("headquarters", MAC, starter=True)
    starter = (await desk.listed())[0]
    assert (starter["state"], starter["granted"], [grant["units"] for grant in starter["grants"]]) == ("starter", True, [50, 1])
    assert await desk.file("starter") == starter
    where = "/v1/clusters/headquarters/license-files/starter"
    assert [(await desk.http.get(f"{where}/content")).status_code, (await desk.http.delete(where)).status_code] == [404, 404]
    ledger.put("headquarters", MAC, starter=False)
    assert (await desk.http.get(where)).status_code == 404
