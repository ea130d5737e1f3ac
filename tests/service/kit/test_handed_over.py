"""What left the outbox is kept for some days: a database that is restored hands it over again."""

from datetime import timedelta

from sqlalchemy import func, select

from shared.contracts.base import Envelope
from shared.kit.app import Kit
from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, eventually, running
from tests.service.kit.toy import NoteTaken, kit_of, toy_app


async def _rows(kit: Kit, table: str) -> int:
    async with kit.database.transaction() as tx:
        count: int = (await tx.session.scalar(select(func.count()).select_from(kit.database.tables.metadata.tables[f"toy.{table}"]))) or 0
    return count


async def _drained(kit: Kit) -> None:
    async def empty() -> bool:
        return await _rows(kit, "outbox") == 0

    await eventually(empty, "the outbox is empty")


async def test_what_left_the_outbox_is_kept_for_some_days_unless_it_is_fleeting(
    toy_url: str, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    app = toy_app(toy_url, bus, clock, metrics)
    async with running(app) as toy:
        for name in ("a", "b"):
            await toy.post("/v1/notes", json={"name": name, "words": name})
        await _drained(kit_of(app))
        kept = kit_of(app).database.tables.handed_over
        async with kit_of(app).database.transaction() as tx:
            rows = (await tx.session.execute(select(kept).order_by(kept.c.sequence))).all()
        assert [Envelope.model_validate(row.envelope) for row in rows] == bus.envelopes
        assert [row.event_id for row in rows] == [envelope.id for envelope in bus.envelopes]
        for hours, left in ((71, 2), (2, 0)):
            clock.advance(timedelta(hours=hours))
            await kit_of(app).plan.timers.run_once(kit_of(app).database, "forget_old_ids")
            assert await _rows(kit_of(app), "handed_over") == left
    fleeting = toy_app(toy_url, bus, clock, metrics, fleeting=frozenset({NoteTaken.type}))
    async with running(fleeting) as toy:
        await toy.post("/v1/notes", json={"name": "c", "words": "c"})
        await _drained(kit_of(fleeting))
        assert await _rows(kit_of(fleeting), "handed_over") == 0
    assert [envelope.subject for envelope in bus.envelopes] == ["a", "b", "c"]
