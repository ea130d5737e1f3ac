"""A service's deadline: told in time, and what was written is rolled back."""

import asyncio

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from shared.kit.transaction import Transaction
from tests.service.kit.toy import kit_of, notes_in, write


async def test_a_deadline_that_passes_is_told_and_what_was_written_is_rolled_back(toy: httpx.AsyncClient, app: FastAPI) -> None:
    async def too_long(tx: Transaction) -> None:
        await write(tx, "half", "done")
        await tx.session.execute(text("SELECT pg_sleep(600)"))

    app.state.errand = too_long
    headers = {"licensing-deadline": "0.2"}
    told = await asyncio.wait_for(toy.post("/v1/errands", headers=headers), 20)
    assert (told.status_code, told.json()["type"]) == (503, "urn:licensing:problem:deadline-exceeded")
    assert told.headers["retry-after"] == "2"
    assert "unless a later read shows it" in told.json()["detail"]
    async with kit_of(app).database.transaction() as tx:
        assert await notes_in(tx) == []
        sleeping = (
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND state = 'active' AND pid <> pg_backend_pid()"
        )
        assert await tx.session.scalar(text(sleeping)) == 0


async def test_a_deadline_that_is_far_changes_nothing(toy: httpx.AsyncClient) -> None:
    assert (await toy.post("/v1/notes", json={"name": "a", "words": "b"}, headers={"licensing-deadline": "600"})).status_code == 201
