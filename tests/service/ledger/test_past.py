"""The unit report of an instant that is over is what the live one said then; and heads of journals are told once they moved."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from shared.contracts.events.ledger import JournalHeadPublished
from tests.house import eventually
from tests.service.ledger.conftest import LedgerUnderTest, catalogue, file_id
from tests.service.ledger.test_invariants import Step, steps, take

CSV = {"Accept": "text/csv"}


async def reported(ledger: LedgerUnderTest, cluster: str, at: str | None = None) -> tuple[dict[str, object], str]:
    """The unit report, as JSON and as CSV, without the unmet demand: that is of now, and a report of an instant has none."""
    path, asked = f"/v1/clusters/{cluster}/unit-report", {} if at is None else {"at": at}
    answer, text = [await ledger.http.get(path, params=asked, headers=headers) for headers in ({}, CSV)]
    assert (answer.status_code, text.status_code) == (200, 200)
    body = answer.json()
    assert (body["unmet_demand"] is None) == (at is not None)
    lines = text.text.splitlines(keepends=True)
    return body | {"unmet_demand": None}, "".join(line for line in lines if ",unmet_demand," not in line)


async def test_after_any_sequence_the_journal_tells_every_report_that_was_made_meanwhile(ledger: LedgerUnderTest) -> None:
    loop = asyncio.get_running_loop()
    serial = 0

    async def play(sequence: Sequence[Step]) -> None:
        nonlocal serial
        serial += 1
        cluster = f"example-{serial}"
        await ledger.bus.say(catalogue(serial * 1000))
        if serial % 4 == 0:  # the state of a file, before the file itself
            await ledger.put_cluster(cluster)
            await ledger.change_file(serial * 10, 3, "expired", granting=False, cluster=cluster)
        await ledger.put_cluster(cluster, starter=bool(serial % 2))
        seen = [await reported(ledger, cluster)]
        for at, step in enumerate(sequence):
            await take(ledger, cluster, serial, at, step)
            seen.append(await reported(ledger, cluster))
        for body, text in seen:
            assert await reported(ledger, cluster, str(body["at"])) == (body, text)

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(sequence=steps)
    def examples(sequence: list[Step]) -> None:
        asyncio.run_coroutine_threadsafe(play(sequence), loop).result()

    await asyncio.to_thread(examples)
    assert serial >= 10


async def test_a_migrated_cluster_and_a_file_that_moved_are_told_as_they_were(ledger: LedgerUnderTest) -> None:
    seen = []
    for cluster in ("old", "new"):
        await ledger.put_cluster(cluster, starter=False)
    counted = {"from_version": "4.2", "to_version": "6.0", "nodes": 2, "devices": [{"device_type": "phone-4", "count": 2}]}
    migration = (await ledger.http.post("/v1/clusters/old/migration", json=counted)).json()
    seen.append(await reported(ledger, "old"))
    await ledger.put_node("cm1", "0015C5F3A1B9", "old")
    await ledger.put("a", "phone-4", "old")
    seen.append(await reported(ledger, "old"))
    await ledger.install(1, ("PHONE_UNIT", 20, 5), ("SW_FEATURE", 1, 0, 6), cluster="old", migration_id=migration["migration_id"])
    seen.append(await reported(ledger, "old"))
    await ledger.change_file(2, 2, "expired", granting=False, cluster="old")  # heard of, and never installed there
    await ledger.install(2, ("PHONE_UNIT", 7, 0), cluster="new", replaces=[file_id(1)])
    seen.append(await reported(ledger, "old"))
    seen.append(await reported(ledger, "new"))
    for body, text in seen:
        assert await reported(ledger, str(body["cluster"]), str(body["at"])) == (body, text)
    assert [entry["state"] for body, _ in seen for entry in body["license_files"]] == [  # type: ignore[attr-defined]
        *("migration", "migration", "superseded", "installed"),
        *("superseded", "superseded", "expired"),
    ]
    await ledger.assert_journal()


async def test_two_changes_are_never_of_one_instant_also_where_the_database_was_set_back(ledger: LedgerUnderTest) -> None:
    async with ledger.database.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE journal_head SET at = now() + interval '1 hour'")
    seen = []
    for device in ("a", "b", "c"):
        await ledger.put(device, "phone-4")
        seen.append(await reported(ledger, "hq"))
    assert (await ledger.put_node("cm1", "0015C5F3A1B2")).status_code == 201
    for body, text in seen:
        assert await reported(ledger, "hq", str(body["at"])) == (body, text)


async def test_an_instant_of_which_the_journal_does_not_tell_is_said_so(ledger: LedgerUnderTest) -> None:
    path, now = "/v1/clusters/hq/unit-report", datetime.fromisoformat(str((await ledger.report())["at"]))
    for wrong, why in (
        (now - timedelta(days=1), "begins later"),
        (now + timedelta(days=1), "future"),
        ("0001-01-01T00:00:00+14:00", "no calendar"),
    ):
        answer = await ledger.http.get(path, params={"at": str(wrong)})
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:licensing:problem:invalid-instant")
        assert why in answer.json()["detail"]
    for wrong in ("2026-03-14T09:26:53", "yesterday"):
        assert (await ledger.http.get(path, params={"at": wrong})).status_code == 422
    assert (await ledger.http.get("/v1/clusters/nobody/unit-report", params={"at": str(now)})).status_code == 404


async def test_the_head_in_the_report_is_that_of_the_journal(ledger: LedgerUnderTest) -> None:
    await ledger.put("a", "phone-4")
    verdict = (await ledger.http.get("/v1/clusters/hq/journal/verification")).json()
    assert (await ledger.report())["journal"] == {"entries": verdict["entries"], "head": verdict["head"]}


async def test_a_head_is_published_once_and_again_when_it_moved(ledger: LedgerUnderTest, caplog: pytest.LogCaptureFixture) -> None:
    async def publish() -> None:
        kit = ledger.app.state.kit
        await kit.plan.timers.run_once(kit.database, "publish_heads")

    async def heard(count: int) -> list[tuple[str, str]]:
        async def enough() -> bool:
            return len(ledger.bus.heard(JournalHeadPublished)) >= count

        await eventually(enough, f"{count} heads were published")
        return [(fact.cluster, fact.head) for fact in ledger.bus.heard(JournalHeadPublished)]

    def head(report: dict[str, object]) -> str:
        journal = report["journal"]
        assert isinstance(journal, dict)
        return str(journal["head"])

    await ledger.put_cluster("branch")
    await publish()
    first = [("branch", head(await ledger.report("branch"))), ("hq", head(await ledger.report()))]
    assert await heard(2) == first
    await publish()
    await ledger.put("a", "phone-4")
    await publish()
    assert await heard(3) == [*first, ("hq", head(await ledger.report()))]
    assert await ledger.rows("SELECT count(*) FROM dead_letter") == [(0,)]


@pytest.mark.parametrize(
    ("forgery", "reason"),
    [
        ("UPDATE pool SET authorized = 5000 WHERE feature = 'PHONE_UNIT'", "the pool kept says 5000 authorized"),
        ("UPDATE grant_line SET units = 5000 WHERE feature = 'PHONE_UNIT'", "the grants of starter that are kept"),
        ("UPDATE grant_line SET granting = false", "the grants of starter that are kept"),
        ("UPDATE device SET units = 1", "the devices that are kept hold 1 units, and it tells of 4"),
        ("UPDATE type_count SET devices = 2", "the counts of devices by type that are kept say 2 phone-4"),
        (
            "WITH forged AS (UPDATE device SET device_type = 'phone-5') UPDATE type_count SET device_type = 'phone-5'",
            "devices that are kept are 0 phone-4 of 4 units each, and it tells of 1",
        ),
        ("DELETE FROM node", "the nodes that are kept"),
        ("UPDATE cluster SET product_version = '6.0'", "the cluster that is kept"),
        ("""UPDATE pool SET overdraft_policy = '{"steps": []}' WHERE feature = 'PHONE_UNIT'""", "the overdraft policy that is kept"),
        ("UPDATE pool SET overdraft_since = now(), overdraft_stage = 'notice' WHERE feature = 'PHONE_UNIT'", "or where it stands"),
    ],
)
async def test_what_is_kept_must_be_what_the_journal_tells(ledger: LedgerUnderTest, forgery: str, reason: str) -> None:
    await ledger.put("a", "phone-4")
    await ledger.put_node("cm1", "0015C5F3A1B2")
    path = "/v1/clusters/hq/journal/verification"
    entries = (await ledger.http.get(path)).json()["entries"]
    async with ledger.database.engine.begin() as connection:
        await connection.exec_driver_sql(forgery)
    verdict = (await ledger.http.get(path)).json()
    assert (verdict["intact"], verdict["first_fault"]["sequence"]) == (False, entries + 1)
    assert reason in verdict["first_fault"]["reason"]


async def test_counts_that_do_not_add_up_to_the_pool_are_not_reported_but_counted_anew(ledger: LedgerUnderTest) -> None:
    await ledger.put("a", "phone-4")
    async with ledger.database.engine.begin() as connection:  # as a ledger of the release before would leave them
        await connection.exec_driver_sql("UPDATE type_count SET devices = 2")
    told = (await ledger.http.get("/v1/clusters/hq/unit-report")).json()["device_types"]
    assert told == [{"device_type": "phone-4", "devices": 1, "units_each": 4, "units": 4}]
