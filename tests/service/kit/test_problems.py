"""Whatever goes wrong leaves as a problem: stable type, what happened, what to do, the trace id, and nothing of our insides."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.kit.transaction import Transaction

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
JSON = {"content-type": "application/json"}


def _problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["status"], body["type"]) == (status, status, f"urn:licensing:problem:{slug}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["title"]
    assert body["detail"]
    assert len(body["trace_id"]) == 32
    return body


async def test_every_fault_of_a_body_is_named_with_its_place(toy: httpx.AsyncClient) -> None:
    answer = await toy.post("/v1/notes", json={"name": "a/b", "words": 7, "copies": -1, "coopies": 2})
    body = _problem(answer, 422, "invalid-request")
    assert {error["where"] for error in body["errors"]} == {"body.name", "body.words", "body.copies", "body.coopies"}
    assert body["errors_total"] == 4
    assert body["detail"].startswith("4 faults in the request; the first: body.")


async def test_a_listing_of_faults_and_an_echo_have_an_end(toy: httpx.AsyncClient) -> None:
    answer = await toy.post("/v1/notes", json={"name": "x" * 100_000, "words": "w", **{f"more{number}": 1 for number in range(500)}})
    body = _problem(answer, 422, "invalid-request")
    assert (len(body["errors"]), body["errors_total"]) == (20, 501)
    assert len(answer.content) < 10_000


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"[]", 422),
        (b"null", 422),
        (b'{"name": NaN, "words": Infinity}', 422),
        (b'{"name": "a", "words": "w", "copies": 1' + b"0" * 400 + b"}", 422),
        (b'{"name": "a", "words": "w", "copies": 1' + b"0" * 10_000 + b"}", 422),
        (b"\xff\xfe\x00", 422),
        (b'{"name": "\\ud800", "words": "w"}', 422),
        (b'{"\\ud800": 1, "name": "a", "words": "w"}', 422),
        (b'{"name": "nul \\u0000", "words": "w"}', 422),
        (b'{"name": ".", "words": "w"}', 422),
        (b"[" * 100_000, 422),
    ],
)
async def test_no_body_whatever_is_an_error_that_nobody_foresaw(toy: httpx.AsyncClient, content: bytes, status: int) -> None:
    _problem(await toy.post("/v1/notes", content=content, headers=JSON), status, "invalid-request")


async def test_unknown_places_methods_and_things(toy: httpx.AsyncClient) -> None:
    assert "nowhere" in _problem(await toy.get("/v1/nowhere"), 404, "not-found")["detail"]
    wrong = await toy.request("DELETE", "/v1/notes")
    _problem(wrong, 405, "method-not-allowed")
    assert wrong.headers["allow"]
    body = _problem(await toy.get("/v1/notes/missing"), 404, "not-found")
    assert (body["kind"], body["name"], body["detail"]) == ("note", "missing", "There is no note 'missing'.")


async def test_the_frameworks_own_errors_keep_their_status_and_headers(toy: httpx.AsyncClient) -> None:
    answer = await toy.get("/v1/teapot")
    assert "Short and stout" in _problem(answer, 418, "invalid-request")["detail"]
    assert answer.headers["x-spout"] == "yes"


@pytest.mark.parametrize("parameters", [{"limit": 0}, {"limit": 201}, {"limit": "many"}, {"cursor": "x" * 1001}])
async def test_a_page_beyond_its_limits_is_refused(toy: httpx.AsyncClient, parameters: dict[str, str]) -> None:
    _problem(await toy.get("/v1/notes", params=parameters), 422, "invalid-request")


@pytest.mark.parametrize("cursor", ["garbage", "WzFd", "WyJcdTAwMDAiXQ", "WyJcdWQ4MDAiXQ", "é"])
async def test_a_cursor_that_no_listing_gave_is_refused(toy: httpx.AsyncClient, cursor: str) -> None:
    body = _problem(await toy.get("/v1/notes", params={"cursor": cursor}), 422, "invalid-cursor")
    assert body["detail"].endswith("Start again without one.")


async def test_a_listing_is_read_to_its_end_by_cursors(toy: httpx.AsyncClient) -> None:
    names = [f"note {number}" for number in range(5)]
    for name in names:
        assert (await toy.post("/v1/notes", json={"name": name, "words": name})).status_code == 201
    read: list[str] = []
    cursor: str | None = None
    for _page in range(3):
        page = (await toy.get("/v1/notes", params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
        read += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert (read, cursor) == (names, None)


async def test_an_error_that_nobody_foresaw_says_nothing_of_our_insides(app: FastAPI, toy: httpx.AsyncClient) -> None:
    async def fail(tx: Transaction) -> None:
        raise LookupError("the secret of the house")

    app.state.errand = fail
    answer = await toy.post("/v1/errands", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    body = _problem(answer, 500, "internal-error")
    assert body["trace_id"] == TRACE
    assert "secret" not in answer.text
    assert "LookupError" not in answer.text


async def test_too_many_at_once_are_told_to_come_back_in_a_second(app: FastAPI, toy: httpx.AsyncClient) -> None:
    async def collide(tx: Transaction) -> None:
        raise TimeoutError from None

    async def no_connection(tx: Transaction) -> None:
        raise PoolTimeout("QueuePool limit reached")

    app.state.errand = no_connection
    answer = await toy.post("/v1/errands")
    _problem(answer, 503, "busy")
    assert answer.headers["retry-after"] == "1"
    app.state.errand = collide  # a time-out of our own work is no fault of the store
    _problem(await toy.post("/v1/errands"), 500, "internal-error")
