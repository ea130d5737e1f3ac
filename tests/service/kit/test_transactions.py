"""One request, one transaction: committed before the response starts, with what it publishes, or not at all."""

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from shared.kit.transaction import Transaction
from tests.house import RememberingBus
from tests.service.kit.toy import Errand, NoteTaken, TooManyWords, kit_of, notes_in, toy_app, write


@pytest.fixture
async def still(toy_url: str, bus: RememberingBus, clock: TestClock, metrics: Metrics) -> FastAPI:
    """The toy whose relay is not started, so that its outbox can be looked at."""
    return toy_app(toy_url, bus, clock, metrics)


async def _outbox(app: FastAPI) -> list[str]:
    database = kit_of(app).database
    async with database.transaction() as tx:
        rows = await tx.session.scalars(select(database.tables.outbox.c.envelope).order_by(database.tables.outbox.c.sequence))
        return [envelope["subject"] for envelope in rows]


async def _notes(app: FastAPI) -> list[str]:
    async with kit_of(app).database.transaction() as tx:
        return await notes_in(tx)


async def _errand(app: FastAPI, errand: Errand) -> httpx.Response:
    app.state.errand = errand
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://toy") as client:
        return await client.post("/v1/errands")


async def test_what_fails_at_the_commit_is_never_answered_with_201(still: FastAPI) -> None:
    async def same_words_twice(tx: Transaction) -> None:
        await write(tx, "one", "the same")
        await write(tx, "two", "the same")  # the deferred constraint speaks at COMMIT only

    answer = await _errand(still, same_words_twice)
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:licensing:problem:internal-error")
    assert await _notes(still) == []
    assert await _outbox(still) == ["toy"]  # the error that was told, not the notes
    await kit_of(still).database.close()


async def test_a_fact_is_in_the_outbox_when_its_change_is_committed(still: FastAPI) -> None:
    async def take(tx: Transaction) -> None:
        await write(tx, "one", "kept")

    assert (await _errand(still, take)).status_code == 201
    assert await _notes(still) == await _outbox(still) == ["one"]
    await kit_of(still).database.close()


async def test_an_exception_takes_its_facts_and_changes_with_it(still: FastAPI) -> None:
    database = kit_of(still).database

    async def fail() -> None:
        async with database.transaction(recorded=(TooManyWords,)) as tx:
            await write(tx, "one", "lost")
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await _notes(still) == await _outbox(still) == []
    assert not database.wake.is_set()
    await database.close()


async def test_a_recorded_refusal_keeps_what_was_written_before_it(still: FastAPI) -> None:
    async def refuse(tx: Transaction) -> None:
        await write(tx, "one", "refused and kept")
        raise TooManyWords(words=3, allowed=2)

    answer = await _errand(still, refuse)
    assert answer.status_code == 409
    assert {name: answer.json()[name] for name in ("type", "words", "allowed", "detail")} == {
        "type": "urn:licensing:problem:too-many-words",
        "words": 3,
        "allowed": 2,
        "detail": "3 words are more than 2.",
    }
    assert await _notes(still) == await _outbox(still) == ["one"]
    await kit_of(still).database.close()


async def test_a_commit_wakes_the_relay_and_the_fact_arrives(toy: httpx.AsyncClient, bus: RememberingBus) -> None:
    assert (await toy.post("/v1/notes", json={"name": "one", "words": "hello"})).status_code == 201
    assert [fact.name for fact in await bus.hear(NoteTaken)] == ["one"]
