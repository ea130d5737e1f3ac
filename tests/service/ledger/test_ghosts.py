"""Ghosts: devices that hold units and were not seen for long."""

from tests.service.ledger.conftest import LedgerUnderTest

DAY = "interval '1 day'"


async def age(ledger: LedgerUnderTest, device: str, days: int) -> None:
    async with ledger.database.direct() as tx:
        await tx.execute(f"UPDATE device SET seen_at = seen_at - {days} * {DAY} WHERE device = $1", device)


async def test_ghosts_are_listed_with_what_they_hold(ledger: LedgerUnderTest) -> None:
    for name in ("a", "b", "c", "d"):
        await ledger.put(name, "phone-4")
    await ledger.put("leased", "phone-5", lease_seconds=31_536_000)
    await ledger.put("here", "phone-5")
    for name in ("a", "b", "c", "leased"):
        await age(ledger, name, 40)
    await age(ledger, "d", 20)
    url = "/v1/clusters/hq/ghosts"
    first = (await ledger.http.get(url, params={"limit": 2})).json()
    assert ([g["device"] for g in first["items"]], first["devices"], first["units"]) == (["a", "b"], 3, 12)
    assert first["items"][0]["last_seen_at"] < first["not_seen_since"]
    rest = (await ledger.http.get(url, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert ([g["device"] for g in rest["items"]], rest["next_cursor"], rest["units"]) == (["c"], None, 12)
    assert (await ledger.http.get(url, params={"days": 10})).json()["devices"] == 4
    assert (await ledger.http.get(url, params={"days": 0})).json()["devices"] == 5
    await ledger.put("a", "phone-4")
    assert (await ledger.http.get(url)).json()["units"] == 8


async def test_days_are_bounded_and_the_cluster_is_known(ledger: LedgerUnderTest) -> None:
    for days in ("-1", "3651", "x", "1.5"):
        assert (await ledger.http.get("/v1/clusters/hq/ghosts", params={"days": days})).status_code == 422
    assert (await ledger.http.get("/v1/clusters/none/ghosts")).status_code == 404
