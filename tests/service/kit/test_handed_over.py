"""What left the outbox is kept for some days: a database that is restored hands it over again."""

from datetime import timedelta

from sqlalchemy import select

from shared.contracts.base import Envelope
from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, running
from tests.service.kit.plumbing import drained, rows
from tests.service.kit.toy import NoteTaken, kit_of, toy_app


async def test_what_left_the_outbox_is_kept_for_some_days_unless_it_is_fleeting(
    toy_url: str, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    app = toy_app(toy_url, bus, clock, metrics)
    async with running(app) as toy:
        for name in ("a", "b"):
            await toy.post("/v1/notes", json={"name": name, "words": name})
        await drained(kit_of(app))
        kept = kit_of(app).database.tables.handed_over
        async with kit_of(app).database.transaction() as tx:
            found = (await tx.session.execute(select(kept).order_by(kept.c.sequence))).all()
        assert [Envelope.model_validate(row.envelope) for row in found] == bus.envelopes
        assert [row.event_id for row in found] == [envelope.id for envelope in bus.envelopes]
        for hours, left in ((71, 2), (2, 0)):
            clock.advance(timedelta(hours=hours))
            await kit_of(app).plan.timers.run_once(kit_of(app).database, "forget_old_ids")
            assert await rows(kit_of(app), "handed_over") == left
    fleeting = toy_app(toy_url, bus, clock, metrics, fleeting=frozenset({NoteTaken.type}))
    async with running(fleeting) as toy:
        await toy.post("/v1/notes", json={"name": "c", "words": "c"})
        await drained(kit_of(fleeting))
        assert await rows(kit_of(fleeting), "handed_over") == 0
    assert [envelope.subject for envelope in bus.envelopes] == ["a", "b", "c"]
