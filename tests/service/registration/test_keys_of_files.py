"""Which key signed a file: known for every file, also for those made before it was kept, and listed when a key is lost."""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, running
from tests.service.registration.desk import MAC, OTHER_MAC, THIRD_MAC, Desk, desk_app


async def test_after_a_lost_key_the_vendor_lists_what_must_be_issued_again(
    desk: Desk, database_url: str, tmp_path: Path, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    first, second, third = [(await desk.register(await desk.pak(), mac)).json()["license_file_id"] for mac in (MAC, OTHER_MAC, THIRD_MAC)]
    moved = (await desk.rehost(first)).json()["license_file_id"]
    lost = (await desk.http.get(f"/v1/registrations/{moved}")).json()["key_id"]
    assert {line.key_id for line in await desk.lines(moved)} == {lost}
    newer = tmp_path / "newer"
    async with running(desk_app(database_url, newer, bus, clock, metrics)) as http:
        rotated = Desk(http, newer)
        again = (await rotated.rehost(second, OTHER_MAC)).json()["license_file_id"]
        listed = (await http.get("/v1/registrations", params={"key_id": lost.lower()})).json()["items"]
        assert [one["license_file_id"] for one in listed] == [third, moved], "neither what was replaced nor what the new key signed"
        current = (await http.get(f"/v1/registrations/{again}")).json()["key_id"]
        assert current != lost
        listed = (await http.get("/v1/registrations", params={"key_id": current})).json()["items"]
        assert [one["license_file_id"] for one in listed] == [again]
        assert (await http.get("/v1/registrations", params={"key_id": "nonsense"})).status_code == 422


async def test_what_a_file_voids_and_who_signed_it_are_read_from_its_bytes_whoever_inserted_it(desk: Desk, database_url: str) -> None:
    """The release before knows neither column, and its files are not less void."""
    first = (await desk.register(await desk.pak(product_version="6.0"))).json()["license_file_id"]
    second = (await desk.rehost(first)).json()["license_file_id"]
    third = (await desk.rehost(second, THIRD_MAC)).json()["license_file_id"]
    engine = create_async_engine(database_url)
    try:
        async with engine.begin() as connection:
            rows = await connection.execute(text("SELECT license_file_id, key_id, voids FROM registration.license_file ORDER BY 1"))
            kept = {row.license_file_id: (row.key_id, tuple(row.voids)) for row in rows}
    finally:
        await engine.dispose()
    for file in (first, second, third):
        assert {(line.key_id, line.replaces) for line in await desk.lines(file)} == {kept[file]}
    assert [kept[file][1] for file in (first, second, third)] == [(), (first,), (second, first)]
