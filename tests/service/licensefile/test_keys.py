"""The vendor's keys in the folder: rotated, put away, lost."""

import shutil
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from services.licensefile.app import create_app
from services.licensefile.domain.standing import INSTALLED
from services.licensefile.settings import LicenseFileSettings
from shared.contracts.events.licensefile import LicenseFileInstalled, LicenseFileStateChanged
from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from shared.license_file.signature import key_id_of
from tests.house import RememberingBus, eventually, logged, running
from tests.service.licensefile.conftest import Desk, StubLedger, codes
from tests.unit.licensefile.made import FILE_ID, FOREIGN_MAC, KEY, MAC, OLD_ID, OTHER_ID, STRANGER, made_file, made_line

NEXT = STRANGER
"""The key that follows KEY."""


def put(keys: Path, name: str, key: Ed25519PrivateKey, *said: str) -> Path:
    """A key's file with these statements."""
    file = keys / name
    file.write_text("".join(f"# {each}\n" for each in said) + key.public_key().public_bytes_raw().hex())
    return file


async def test_a_rotated_key_keeps_verifying_what_it_made_in_its_time(desk: Desk, keys: Path) -> None:
    put(keys, "vendor.pub", KEY, "not-after: 2026-03-14")
    put(keys, "next.pub", NEXT, "not-before: 2026-03-15")
    made_later = "20260315000000000"
    assert codes(await desk.upload(made_file(license_file_id=made_later))) == {"key_not_valid"}
    assert codes(await desk.upload(made_file(license_file_id=OTHER_ID, key=NEXT))) == {"key_not_valid"}
    assert (await desk.upload(made_file(license_file_id="20260314235959999"))).status_code == 201
    assert (await desk.upload(made_file(license_file_id=made_later, key=NEXT))).status_code == 201


async def test_a_changed_line_is_told_as_changed_also_outside_the_keys_days(desk: Desk, keys: Path) -> None:
    put(keys, "vendor.pub", KEY, "not-after: 2026-03-13")
    changed = made_file().replace(b"<Count>1000<", b"<Count>9000<")
    reasons = (await desk.verify(changed)).json()["reasons"]
    assert [reason["code"] for reason in reasons] == ["key_not_valid", "signature_invalid"]


async def test_a_file_without_an_instant_is_of_no_day(desk: Desk, keys: Path) -> None:
    no_instant = made_file(license_file_id="20261399000000000")
    assert (await desk.verify(no_instant)).json()["verdict"] == "accepted"
    put(keys, "vendor.pub", KEY, "not-after: 9999-12-31")
    assert codes(await desk.upload(no_instant)) == {"key_not_valid"}


async def test_one_key_in_two_files_with_other_days_is_no_key(desk: Desk, keys: Path) -> None:
    put(keys, "again.pub", KEY)
    assert (await desk.verify(made_file())).json()["verdict"] == "accepted"
    put(keys, "again.pub", KEY, "not-after: 2030-12-31")
    refused = await desk.upload(made_file())
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:licensing:problem:trusted-keys-unusable")
    assert "'again.pub'" in refused.json()["detail"]


def revoked(keys: Path, key: Ed25519PrivateKey = KEY, *said: str) -> Path:
    """The file that revokes a key."""
    return put(keys, "lost.revoked", key, *said)


async def told(bus: RememberingBus, count: int) -> list[tuple[str, bool, int]]:
    return [(event.state, event.granting, event.version) for event in await bus.hear(LicenseFileStateChanged, count)]


async def test_the_files_of_a_lost_key_are_flagged_once_and_lose_their_units(desk: Desk, bus: RememberingBus, keys: Path) -> None:
    put(keys, "next.pub", NEXT)
    await desk.upload(made_file())
    await desk.upload(made_file(license_file_id=OTHER_ID, key=NEXT))
    await desk.tick("follow_keys")
    assert bus.heard(LicenseFileStateChanged) == []
    revoked(keys, KEY, "revoked-on: 2026-03-01", "reason: a laptop was stolen")
    await desk.tick("follow_keys")
    await desk.tick("follow_keys")
    assert await told(bus, 1) == [("key_revoked", False, 2)]
    found = await desk.file(FILE_ID)
    assert (found["state"], found["granted"]) == ("key_revoked", False)
    for said in (key_id_of(KEY.public_key()), "a laptop was stolen", "'lost.revoked'", "re-hosted to the same MAC"):
        assert said in found["reason"]
    assert (await desk.file(OTHER_ID))["state"] == "installed"
    assert codes(await desk.upload(made_file())) == {"already_installed", "key_revoked"}


async def test_a_revocation_that_was_a_mistake_is_taken_back_with_the_file_that_said_it(
    desk: Desk, bus: RememberingBus, keys: Path
) -> None:
    await desk.upload(made_file())
    mistake = revoked(keys)
    await desk.tick("follow_keys")
    mistake.unlink()
    await desk.tick("follow_keys")
    await desk.tick("follow_keys")
    assert await told(bus, 2) == [("key_revoked", False, 2), ("installed", True, 3)]
    assert (await desk.file(FILE_ID))["reason"] == INSTALLED


@pytest.mark.parametrize("loss", ["both files", "the folder", "an unreadable file"])
async def test_what_cannot_be_read_any_more_lifts_no_revocation(desk: Desk, bus: RememberingBus, keys: Path, loss: str) -> None:
    await desk.upload(made_file())
    gone = revoked(keys)
    await desk.tick("follow_keys")
    if loss == "both files":
        gone.unlink()
        (keys / "vendor.pub").unlink()
    elif loss == "the folder":
        shutil.move(keys, keys.with_name("elsewhere"))
    else:
        gone.write_text("# reason: half a fi")
    await desk.tick("follow_keys")
    assert await told(bus, 1) == [("key_revoked", False, 2)]
    assert (await desk.file(FILE_ID))["state"] == "key_revoked"


async def test_a_key_file_that_cannot_be_used_hides_no_revocation(desk: Desk, keys: Path) -> None:
    await desk.upload(made_file())
    revoked(keys)
    with logged() as lines:
        (keys / "a-broken.pub").write_text("no key")
        await desk.tick("follow_keys")
        await desk.tick("follow_keys")
    assert [line["key_file"] for line in lines if line["event"] == "trusted-key-unusable"] == ["a-broken.pub"]
    assert (await desk.file(FILE_ID))["state"] == "key_revoked"


async def test_a_setting_lets_flagged_files_grant_and_counts_from_the_next_start(
    database_url: str, bus: RememberingBus, clock: TestClock, ledger: StubLedger, keys: Path
) -> None:
    async def reviewed(*, keep: bool) -> list[tuple[str, bool, int]]:
        settings = LicenseFileSettings(
            database_url=SecretStr(database_url),
            ledger_url="http://ledger",
            trusted_keys_dir=keys,
            review_seconds=3600,
            revoked_keys_keep_granting=keep,
        )
        app = create_app(settings, bus, clock, Metrics(), ledger=httpx.MockTransport(ledger))
        async with running(app) as client:
            desk = Desk(client, app)
            if not bus.heard(LicenseFileInstalled):
                assert (await desk.upload(made_file())).status_code == 201
                revoked(keys)
            await desk.tick("follow_keys")
            await desk.tick("follow_keys")
            version = (await desk.file(FILE_ID))["version"]

            async def all_told() -> list[tuple[str, bool, int]]:
                # A service that ended right after it told of something tells it again: readers know the version.
                facts = dict.fromkeys((each.state, each.granting, each.version) for each in bus.heard(LicenseFileStateChanged))
                return list(facts) if len(facts) == version - 1 else []

            return await eventually(all_told, "every version is told")

    assert await reviewed(keep=True) == [("key_revoked", True, 2)]
    assert await reviewed(keep=True) == [("key_revoked", True, 2)]
    assert (await reviewed(keep=False))[1:] == [("key_revoked", False, 3)]
    assert (await reviewed(keep=True))[2:] == [("key_revoked", True, 4)]


async def test_beneath_a_revocation_grace_and_expiry_go_on(
    desk: Desk, bus: RememberingBus, ledger: StubLedger, clock: TestClock, keys: Path
) -> None:
    today = clock.now().date()
    await desk.upload(made_file())
    await desk.upload(made_file(license_file_id=OTHER_ID, expiry=today + timedelta(days=10)))
    mistake = revoked(keys)
    await desk.tick("follow_keys")
    ledger.put("headquarters", FOREIGN_MAC, version=2)
    await bus.say(ledger.changed("headquarters"))
    both = await desk.file(FILE_ID)
    assert (both["state"], both["grace_ends_at"] is None) == ("key_revoked", False)
    assert "Besides: No node of 'headquarters' has the MAC" in both["reason"]
    clock.advance(timedelta(days=11))
    await desk.tick("expire")
    assert (await desk.file(OTHER_ID))["state"] == "expired"
    mistake.unlink()
    await desk.tick("follow_keys")
    assert [(await desk.file(each))["state"] for each in (FILE_ID, OTHER_ID)] == ["host_mismatch", "expired"]
    clock.advance(timedelta(days=20))
    await desk.tick("end_grace")
    assert (await desk.file(FILE_ID))["state"] == "grace_exceeded"


async def test_a_rehost_to_the_same_mac_with_the_new_key_is_the_way_out(desk: Desk, bus: RememberingBus, keys: Path) -> None:
    put(keys, "next.pub", NEXT)
    await desk.upload(made_file(license_file_id=OLD_ID))
    revoked(keys)
    await desk.tick("follow_keys")
    again = await desk.upload(made_file(replaces=(OLD_ID,), original_mac=MAC, key=NEXT))
    assert again.status_code == 201
    await desk.tick("follow_keys")
    assert [(await desk.file(each))["state"] for each in (OLD_ID, FILE_ID)] == ["superseded", "installed"]
    assert await told(bus, 1) == [("key_revoked", False, 2)]


async def test_one_line_of_a_revoked_key_flags_the_file(desk: Desk, keys: Path) -> None:
    put(keys, "next.pub", NEXT)
    await desk.upload(made_file(made_line(1), made_line(2, key=NEXT)))
    revoked(keys, NEXT)
    await desk.tick("follow_keys")
    assert (await desk.file(FILE_ID))["state"] == "key_revoked"
