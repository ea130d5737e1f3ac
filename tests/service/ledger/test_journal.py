"""Every change is an entry; what was written is never changed, and a change by force is proved."""

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.ledger.domain.journal import Origin, Pen
from services.ledger.domain.pool import PHONE_UNIT, Pool
from services.ledger.store import journal
from tests.service.ledger.conftest import MAC, LedgerUnderTest, catalogue, file_id

JOURNAL = "/v1/clusters/hq/journal"


async def entries(ledger: LedgerUnderTest, cluster: str = "hq") -> list[dict[str, object]]:
    """The whole journal, page by page."""
    found: list[dict[str, object]] = []
    cursor: str | None = None
    while True:
        asked = {"limit": "7", **({"cursor": cursor} if cursor else {})}
        page = (await ledger.http.get(f"/v1/clusters/{cluster}/journal", params=asked)).json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


async def verified(ledger: LedgerUnderTest, expected_head: str | None = None) -> dict[str, object]:
    answer = await ledger.http.get(f"{JOURNAL}/verification", params={"expected_head": expected_head} if expected_head else {})
    assert answer.status_code == 200
    body: dict[str, object] = answer.json()
    return body


async def by_force(ledger: LedgerUnderTest, sql: str) -> None:
    """As somebody who owns the database, and switches the trigger off."""
    async with ledger.database.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE journal_entry DISABLE TRIGGER journal_is_append_only"))
        await connection.execute(text(sql))
        await connection.execute(text("ALTER TABLE journal_entry ENABLE TRIGGER journal_is_append_only"))


async def busy_day(ledger: LedgerUnderTest) -> None:
    await ledger.put_node("cm1", MAC)
    await ledger.install(1, ("PHONE_UNIT", 20, 5), ("CCM_NODE", 2, 0))
    await ledger.put("a", "phone-4")
    await ledger.put("a", "phone-5")
    await ledger.put("a", "phone-5")  # changes nothing
    await ledger.put("pc", "soft", adjunct_of="a")
    await ledger.put("b", "phone-4")
    assert (await ledger.put("c", "dear-soft")).status_code == 201
    assert (await ledger.put("d", "dear-soft")).status_code == 201
    assert (await ledger.put("e", "phone-5")).status_code == 409
    await ledger.delete("b")
    await ledger.bus.say(catalogue(2, phone_5=6))
    await ledger.put("a", "phone-5")
    await ledger.put_node("cm2", "0015C5F3A1B3", first=True)
    await ledger.http.delete("/v1/clusters/hq/nodes/cm1")
    await ledger.change_file(1, 2, "expired", granting=False)


async def test_every_change_is_an_entry_with_who_when_and_what_the_pool_was_after_it(ledger: LedgerUnderTest) -> None:
    await busy_day(ledger)
    found = await entries(ledger)
    assert [entry["sequence"] for entry in found] == list(range(1, len(found) + 1))
    told = [
        (e["kind"], e["feature"], e["subject"], e["authorized"], e["used"]) for e in found if e["kind"] not in {"cluster", "license_file"}
    ]
    assert told == [
        ("starter", "CCM_NODE", "starter", 1, 0),
        ("starter", "PHONE_UNIT", "starter", 50, 0),
        ("check_out", "CCM_NODE", "cm1", 1, 1),
        ("retire", "CCM_NODE", "starter", 0, 1),
        ("retire", "PHONE_UNIT", "starter", 0, 0),
        ("grant", "PHONE_UNIT", file_id(1), 20, 0),
        ("grant", "CCM_NODE", file_id(1), 2, 1),
        ("check_out", "PHONE_UNIT", "a", 20, 4),
        ("re_price", "PHONE_UNIT", "a", 20, 5),
        ("check_out", "PHONE_UNIT", "pc", 20, 6),
        ("check_out", "PHONE_UNIT", "b", 20, 10),
        ("check_out", "PHONE_UNIT", "c", 20, 16),
        ("check_out", "PHONE_UNIT", "d", 20, 22),
        ("ladder", "PHONE_UNIT", "hq", 20, 22),
        ("check_in", "PHONE_UNIT", "b", 20, 18),
        ("ladder", "PHONE_UNIT", "hq", 20, 18),
        ("re_price", "PHONE_UNIT", "a", 20, 19),
        ("node", "CCM_NODE", "cm1", 2, 1),
        ("check_out", "CCM_NODE", "cm2", 2, 2),
        ("check_in", "CCM_NODE", "cm1", 2, 1),
        ("retire", "PHONE_UNIT", file_id(1), 0, 19),
        ("retire", "CCM_NODE", file_id(1), 0, 1),
        ("ladder", "PHONE_UNIT", "hq", 0, 19),
    ]
    repriced = next(e for e in found if e["kind"] == "re_price")
    before_and_after = [repriced[name] for name in ("device_type_before", "units_before", "device_type", "units", "source", "caller")]
    assert before_and_after == ["phone-4", 4, "phone-5", 5, "http", "nobody"]
    assert (found[-2]["source"], found[-2]["caller"], found[-2]["reason"]) == ("event", "licensefile", "expired")
    assert [e["at"] for e in found] == sorted(str(e["at"]) for e in found)
    verdict = await verified(ledger)
    assert (verdict["entries"], verdict["intact"], verdict["first_fault"]) == (len(found), True, None)
    assert verdict["head"] == f"{len(found)}:{found[-1]['hash']}"


@pytest.mark.parametrize("change", ["UPDATE journal_entry SET units = 1", "DELETE FROM journal_entry", "TRUNCATE journal_entry"])
async def test_nobody_may_change_it_not_even_its_owner(ledger: LedgerUnderTest, change: str) -> None:
    with pytest.raises(DBAPIError, match="only ever appended to") as refused:
        async with ledger.database.engine.begin() as connection:
            await connection.execute(text(change))
    assert isinstance(refused.value.__cause__.__cause__ if refused.value.__cause__ else None, asyncpg.InsufficientPrivilegeError)


FORGERIES = [
    "UPDATE journal_entry SET units = 1, used = used - 3 WHERE sequence = 9 AND cluster = 'hq'",
    "UPDATE journal_entry SET caller = 'somebody else' WHERE sequence = 9 AND cluster = 'hq'",
    "UPDATE journal_entry SET at = at + interval '1 microsecond' WHERE sequence = 9 AND cluster = 'hq'",
    "UPDATE journal_entry SET subject = subject || detail, detail = '' WHERE sequence = 9 AND cluster = 'hq'",
    "UPDATE journal_entry SET hash = sha256(hash) WHERE sequence = 9 AND cluster = 'hq'",
    "DELETE FROM journal_entry WHERE sequence = 9 AND cluster = 'hq'",
    "DELETE FROM journal_entry WHERE sequence >= 9 AND cluster = 'hq'",
]


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_an_entry_that_was_changed_or_removed_by_force_is_named(ledger: LedgerUnderTest, forgery: str) -> None:
    await busy_day(ledger)
    await by_force(ledger, forgery)
    verdict = await verified(ledger)
    assert (verdict["intact"], verdict["entries"]) == (False, 8)
    fault = verdict["first_fault"]
    assert isinstance(fault, dict)
    assert (fault["sequence"], bool(fault["reason"])) == (9, True)


async def test_a_tail_that_was_written_anew_is_seen_by_whoever_noted_its_head(ledger: LedgerUnderTest) -> None:
    await ledger.put("a", "phone-4")
    kept = await verified(ledger)
    noted = str(kept["head"])
    await ledger.put("b", "phone-4")
    assert (await verified(ledger, noted))["intact"] is True
    at = int(noted.partition(":")[0]) - 1
    await by_force(ledger, f"DELETE FROM journal_entry WHERE sequence > {at}")
    await by_force(ledger, f"UPDATE journal_head SET sequence = {at}, hash = (SELECT hash FROM journal_entry WHERE sequence = {at})")
    shorter = await verified(ledger)
    assert (shorter["intact"], shorter["entries"]) == (False, at)  # the pool that is kept gives it away
    await by_force(ledger, "UPDATE pool SET used = 0 WHERE feature = 'PHONE_UNIT'")
    await by_force(ledger, "DELETE FROM device")
    await by_force(ledger, "DELETE FROM type_count")
    assert (await verified(ledger))["intact"] is True  # by itself nothing is wrong with it
    assert (await verified(ledger, noted))["first_fault"] == {
        "sequence": at + 1,
        "reason": f"the expected head {at + 1} lies behind the last entry",
    }
    await ledger.put("a", "phone-4")  # the same again, an honest entry at the same place
    assert (await verified(ledger))["intact"] is True
    verdict = await verified(ledger, noted)
    assert (verdict["intact"], verdict["first_fault"]) == (
        False,
        {"sequence": at + 1, "reason": "it is another entry than the one whose head is expected"},
    )


@pytest.mark.parametrize("head", ["", "1", "1:", "x:" + 64 * "0", "1:" + 63 * "0" + "G", "-1:" + 64 * "0"])
async def test_what_is_no_head_is_said_so(ledger: LedgerUnderTest, head: str) -> None:
    answer = await ledger.http.get(f"{JOURNAL}/verification", params={"expected_head": head})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:licensing:problem:invalid-head")


@pytest.mark.parametrize("path", ["", "/verification"])
async def test_the_journal_of_no_cluster_is_not_found(ledger: LedgerUnderTest, path: str) -> None:
    answer = await ledger.http.get(f"/v1/clusters/nobody/journal{path}")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:licensing:problem:not-found")


@pytest.mark.parametrize("at", ["infinity", "-infinity", "20000-01-01", "0044-03-15 BC"])
async def test_a_moment_that_no_calendar_has_is_a_fault_of_its_entry(ledger: LedgerUnderTest, at: str) -> None:
    await ledger.put("a")
    await by_force(ledger, f"UPDATE journal_entry SET at = '{at}' WHERE sequence = 3")
    fault = (await verified(ledger))["first_fault"]
    assert isinstance(fault, dict)
    assert fault["sequence"] == 3


@pytest.mark.parametrize(
    "detail",
    [
        '{"stage": null, "since": "2026-01-01T00:00:00+00:00", "stopped": false}',
        '{"stage": null, "since": null, "stopped": true}',
        "[" * 99_999,
    ],
    ids=["no-stage", "stopped-in-no-overdraft", "deep"],
)
async def test_an_entry_with_a_right_hash_that_means_nothing_is_a_fault_too(ledger: LedgerUnderTest, detail: str) -> None:
    async with ledger.database.direct() as tx:
        pen: Pen = await journal.pen_for(tx, "hq")
        pen.write("ladder", "hq", Pool(PHONE_UNIT, 50), Origin("somebody", "http", "0" * 32), detail=detail)
        await journal.append(tx, pen)
    fault = (await verified(ledger))["first_fault"]
    assert isinstance(fault, dict)
    assert fault["reason"] == "its detail cannot be read"
