"""Idempotency-Key: the same request has one effect and one answer, however often and however simultaneously it is sent."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.house import RememberingBus
from tests.service.kit.toy import NoteTaken

KEY = {"Idempotency-Key": "k-1"}


def _note(name: str, words: str = "") -> dict[str, Any]:
    return {"name": name, "words": words or name}


async def _names(toy: httpx.AsyncClient) -> list[str]:
    return [item["name"] for item in (await toy.get("/v1/notes")).json()["items"]]


async def test_the_same_key_and_body_give_the_first_answer_and_no_second_effect(toy: httpx.AsyncClient, bus: RememberingBus) -> None:
    first = await toy.post("/v1/notes", json=_note("a"), headers=KEY)
    again = await toy.post("/v1/notes", json=_note("a"), headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json() == _note("a")
    last = await toy.post("/v1/notes", json=_note("last"))
    assert last.status_code == 201
    assert [fact.name for fact in await bus.hear(NoteTaken, 2)] == ["a", "last"]


async def test_the_same_key_with_another_body_is_refused(toy: httpx.AsyncClient) -> None:
    await toy.post("/v1/notes", json=_note("a"), headers=KEY)
    other = await toy.post("/v1/notes", json=_note("b"), headers=KEY)
    assert (other.status_code, other.json()["type"]) == (422, "urn:licensing:problem:idempotency-key-reused")
    assert other.json()["idempotency_key"] == "k-1"
    assert await _names(toy) == ["a"]


async def test_the_same_body_for_another_path_is_another_request(toy: httpx.AsyncClient) -> None:
    """Otherwise cluster B would be told what was done to cluster A, and nothing would have been done to B."""
    first = await toy.post("/v1/shelves/one/notes", json=_note("a"), headers=KEY)
    other = await toy.post("/v1/shelves/two/notes", json=_note("a"), headers=KEY)
    assert first.status_code == 201
    assert (other.status_code, other.json()["type"]) == (422, "urn:licensing:problem:idempotency-key-reused")
    assert await _names(toy) == ["one: a"]


@pytest.mark.parametrize("headers", [{"licensing-caller": "grace"}, {"Idempotency-Key": "k-2"}])
async def test_keys_are_apart_for_each_caller(toy: httpx.AsyncClient, headers: dict[str, str]) -> None:
    await toy.post("/v1/notes", json=_note("a"), headers={**KEY, "licensing-caller": "ada"})
    other = await toy.post("/v1/notes", json=_note("b"), headers={**KEY, **headers})
    assert (other.status_code, other.json()) == (201, _note("b"))


async def test_five_at_once_have_one_effect(toy: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(toy.post("/v1/notes", json=_note("a"), headers=KEY) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [201] * 5
    assert all(answer.json() == _note("a") for answer in answers)
    assert await _names(toy) == ["a"]


async def test_a_request_that_failed_may_be_sent_again(toy: httpx.AsyncClient) -> None:
    await toy.post("/v1/notes", json=_note("first", "the same"))
    failed = await toy.post("/v1/notes", json=_note("second", "the same"), headers=KEY)
    assert failed.status_code == 500
    repaired = await toy.post("/v1/notes", json=_note("second", "others"), headers=KEY)
    assert repaired.status_code == 201


async def test_a_recorded_refusal_is_decided_anew(toy: httpx.AsyncClient) -> None:
    """Its transaction is kept, so the key is in the store, without an answer."""
    refused = await toy.post("/v1/notes", json=_note("a", "one two three four"), headers=KEY)
    assert refused.status_code == 409
    again = await toy.post("/v1/notes", json=_note("b", "one two three four five"), headers=KEY)
    assert (again.status_code, again.json()["words"]) == (409, 5)
    accepted = await toy.post("/v1/notes", json=_note("c", "few"), headers=KEY)
    repeated = await toy.post("/v1/notes", json=_note("c", "few"), headers=KEY)
    assert (accepted.status_code, repeated.status_code) == (201, 201)
    assert await _names(toy) == ["a", "b", "c"]


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_a_key_has_1_to_255_characters(toy: httpx.AsyncClient, key: str) -> None:
    answer = await toy.post("/v1/notes", json=_note("a"), headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:licensing:problem:invalid-request")
