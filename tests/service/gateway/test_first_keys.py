"""The keys that an installation begins with: what becomes of a lost file, of a deleted caller, of a file that others could read."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.domain.key import new_key
from gateway.first_keys import first_caller_of, keep_first_keys
from gateway.settings import GatewaySettings
from shared.kit.data_folder import DataFolderError
from tests.service.gateway.conftest import Gateway


async def status(gateway: Gateway, key: str, path: str = "/v1/clusters/hq") -> int:
    return (await gateway.client.get(path, headers={"Authorization": f"Bearer {key}"})).status_code


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
async def empty(gateway: Gateway) -> Gateway:
    """The gateway as it is before anybody made a caller."""
    async with gateway.app.state.kit.database.transaction() as tx:
        await tx.session.execute(text("DELETE FROM gateway.caller"))
    return gateway


async def test_the_first_start_makes_both_keys_closed_to_others(empty: Gateway, tmp_path: Path) -> None:
    made = await keep_first_keys(empty.app, tmp_path)
    assert made == [tmp_path / "admin.key", tmp_path / "vendor.key"]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}
    admin, vendor = (path.read_text().strip() for path in made)
    assert [await status(empty, admin), await status(empty, vendor)] == [200, 403]
    assert [await status(empty, admin, "/v1/orders"), await status(empty, vendor, "/v1/orders")] == [403, 200]
    assert names_in(tmp_path) == ["admin.key", "vendor.key"]


async def test_a_later_start_changes_nothing(empty: Gateway, tmp_path: Path) -> None:
    made = await keep_first_keys(empty.app, tmp_path)
    before = [path.read_bytes() for path in made]
    assert await keep_first_keys(empty.app, tmp_path) == made
    assert [path.read_bytes() for path in made] == before
    assert await status(empty, before[0].decode().strip()) == 200


async def test_a_lost_file_is_made_anew_and_one_put_back_works_again(empty: Gateway, tmp_path: Path) -> None:
    file = (await keep_first_keys(empty.app, tmp_path))[0]
    first = file.read_text().strip()
    file.unlink()
    await keep_first_keys(empty.app, tmp_path)
    second = file.read_text().strip()
    assert (await status(empty, first), await status(empty, second)) == (401, 200)
    file.write_text(first)
    await keep_first_keys(empty.app, tmp_path)
    empty.app.state.keys.forget("admin")
    assert (await status(empty, first), await status(empty, second)) == (200, 401)


async def test_a_first_caller_that_was_deleted_on_purpose_stays_deleted(gateway: Gateway, tmp_path: Path) -> None:
    assert await keep_first_keys(gateway.app, tmp_path) == []  # there are an admin and a vendor of other names
    assert names_in(tmp_path) == []


async def test_a_key_file_kept_from_an_earlier_installation_is_adopted(empty: Gateway, tmp_path: Path) -> None:
    key = new_key()
    file = tmp_path / "admin.key"
    file.touch(0o600)
    file.write_text(key)
    await keep_first_keys(empty.app, tmp_path)
    assert await status(empty, key) == 200


async def test_a_name_that_is_by_now_anothers_is_left_alone(empty: Gateway, tmp_path: Path) -> None:
    (admin, vendor) = await keep_first_keys(empty.app, tmp_path)
    desk = {"Authorization": f"Bearer {vendor.read_text().strip()}"}
    assert (await empty.client.post("/v1/callers", json={"caller": "desk", "scope": "vendor"}, headers=desk)).status_code == 201
    assert (await empty.client.delete("/v1/callers/vendor", headers=desk)).status_code == 204
    customer = {"Authorization": f"Bearer {admin.read_text().strip()}"}
    assert (await empty.client.post("/v1/callers", json={"caller": "vendor", "scope": "viewer"}, headers=customer)).status_code == 201
    assert await keep_first_keys(empty.app, tmp_path) == [admin]


@pytest.mark.parametrize(
    ("content", "mode", "message"), [("lk_x", 0o600, "holds no key"), (new_key(), 0o640, "has mode 0640")], ids=["no key", "open to others"]
)
async def test_a_key_file_that_cannot_be_trusted_ends_the_start(
    empty: Gateway, tmp_path: Path, content: str, mode: int, message: str
) -> None:
    file = tmp_path / "admin.key"
    file.write_text(content)
    file.chmod(mode)
    with pytest.raises(DataFolderError, match=message):
        await keep_first_keys(empty.app, tmp_path)


async def test_a_first_caller_that_is_given_is_kept_by_several_replicas_at_once(empty: Gateway) -> None:
    keys = [new_key() for _ in range(2)]
    kit = empty.app.state.kit
    for key in keys:
        settings = GatewaySettings.model_validate(
            {"database_url": "postgresql+asyncpg://", "first_caller": "admin", "first_caller_key": key}
        )
        (keep,) = first_caller_of(settings)
        await asyncio.gather(*(keep(kit) for _ in range(3)))
        empty.app.state.keys.forget("admin")
        assert [await status(empty, known) for known in keys] == [200 if known == key else 401 for known in keys]


def test_without_a_first_caller_there_is_nothing_to_keep() -> None:
    assert first_caller_of(GatewaySettings.model_validate({"database_url": "postgresql+asyncpg://", "first_caller_key": new_key()})) == []
