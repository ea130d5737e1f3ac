"""The list of the vendor's keys, as an administrator sees it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from shared.kit.clock import TestClock
from shared.license_file.signature import key_id_of
from tests.service.licensefile.conftest import Desk
from tests.service.licensefile.test_keys import NEXT, put, revoked
from tests.unit.licensefile.made import FILE_ID, KEY, OLD_ID, OTHER_ID, REVOKED, made_file, made_line


async def listed(desk: Desk, **query: str | int) -> Any:
    return (await desk.http.get("/v1/trusted-keys", params=query)).raise_for_status().json()


async def states(desk: Desk) -> dict[str, tuple[str, str | None, int, int]]:
    items = (await listed(desk))["items"]
    return {k["key_id"]: (k["state"], k["file_name"], k["license_files"], k["granting_license_files"]) for k in items}


KEY_ID, NEXT_ID, LOST_ID = (key_id_of(key.public_key()) for key in (KEY, NEXT, REVOKED))


async def test_each_key_is_listed_with_its_days_and_what_it_signed(desk: Desk, keys: Path, clock: TestClock) -> None:
    today = clock.now().date()
    put(keys, "vendor.pub", KEY, f"not-after: {today}")
    put(keys, "next.pub", NEXT, f"not-before: {today + timedelta(days=1)}")
    for file_id in (FILE_ID, OTHER_ID):
        assert (await desk.upload(made_file(license_file_id=file_id))).status_code == 201
    await desk.http.delete(f"/v1/clusters/headquarters/license-files/{OTHER_ID}")
    assert await states(desk) == {KEY_ID: ("trusted", "vendor.pub", 2, 1), NEXT_ID: ("not_yet_valid", "next.pub", 0, 0)}
    clock.advance(timedelta(days=1))
    assert await states(desk) == {KEY_ID: ("retired", "vendor.pub", 2, 1), NEXT_ID: ("trusted", "next.pub", 0, 0)}
    days = {key["key_id"]: (key["valid_from"], key["valid_until"]) for key in (await listed(desk))["items"]}
    assert days == {KEY_ID: (None, str(today)), NEXT_ID: (str(today + timedelta(days=1)), None)}


async def test_a_revoked_key_is_listed_as_such_also_when_its_files_are_gone(desk: Desk, keys: Path, clock: TestClock) -> None:
    put(keys, "next.pub", NEXT)
    await desk.upload(made_file(made_line(1), made_line(2, key=NEXT)))
    await desk.upload(made_file(license_file_id=OLD_ID, key=NEXT))
    lost = revoked(keys, NEXT, "revoked-on: 2026-03-01", "reason: stolen")
    before = next(key for key in (await listed(desk))["items"] if key["key_id"] == NEXT_ID)
    assert (before["state"], before["found_revoked_at"], before["granting_license_files"]) == ("revoked", None, 2)
    await desk.tick("follow_keys")
    assert await states(desk) == {KEY_ID: ("trusted", "vendor.pub", 1, 0), NEXT_ID: ("revoked", "lost.revoked", 2, 0)}
    for gone in (lost, keys / "next.pub", keys / "vendor.pub"):
        gone.unlink()
    await desk.tick("follow_keys")
    assert await states(desk) == {KEY_ID: ("absent", None, 1, 0), NEXT_ID: ("revoked", None, 2, 0)}
    after = next(key for key in (await listed(desk))["items"] if key["key_id"] == NEXT_ID)
    assert (after["revoked_on"], after["reason"]) == ("2026-03-01", "stolen")
    assert after["found_revoked_at"] is not None


async def test_a_file_that_cannot_be_used_is_told_first_and_the_list_is_read_by_pages(desk: Desk, keys: Path) -> None:
    put(keys, "vendor.pub", KEY, "not-after: 2030-01-01")
    put(keys, "lost.revoked", REVOKED)
    (keys / "z.pub").write_text("# notafter: 2030-01-01\n")
    items: list[Any] = []
    page = await listed(desk, limit=1)
    while page["items"]:
        items += page["items"]
        page = await listed(desk, limit=1, cursor=page["next_cursor"])
    assert items == (await listed(desk))["items"]
    assert [(key["key_id"], key["file_name"], key["state"]) for key in items] == [
        (None, "z.pub", "unusable"),
        *sorted([(KEY_ID, "vendor.pub", "trusted"), (LOST_ID, "lost.revoked", "revoked")]),
    ]
    assert "'notafter' is not" in items[0]["reason"]
