"""What arrives on the port and is no usable HTTP: answered where an answer is possible, and nobody else notices."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.system.instance import Place, started
from tests.system.product import LONGEST_ANSWER_SECONDS, Product, mac, users_of

LARGEST_HEAD = 64 * 1024
HEAD = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
NO_HTTP = {
    "garbage": b"garbage\r\n\r\n",
    "tls_hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50),
    "unknown_version": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "invented_method": b"SEP0 / HTTP/1.1\r\nHost: x\r\n\r\n",
    "nul_in_path": b"GET /v1/clusters/\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "bytes_in_path": b"GET /v1/clusters/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "negative_length": HEAD + b"Content-Length: -1\r\n\r\n",
    "two_lengths": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no_chunk": b"PUT /v1/clusters/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    "header_without_name": HEAD + b": x\r\n\r\n",
}


@pytest.fixture(scope="module")
async def product(shared_place: Place) -> AsyncIterator[Product]:
    with started(shared_place):
        async with users_of(shared_place) as made:
            await made.make_cluster("hq", mac(0))
            yield made


async def said(place: Place, request: bytes) -> bytes:
    """Everything that is answered until the connection is closed."""
    async with asyncio.timeout(LONGEST_ANSWER_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer


@pytest.mark.parametrize("request_bytes", NO_HTTP.values(), ids=NO_HTTP.keys())
async def test_what_is_no_http_is_a_problem_and_harms_nobody(product: Product, shared_place: Place, request_bytes: bytes) -> None:
    answer = await said(shared_place, request_bytes)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"urn:licensing:problem:invalid-request" in answer
    assert (await product.pool("hq"))["authorized"] == 50


@pytest.mark.parametrize("part", [HEAD + b"X: ", HEAD + b"X: y\r\n" * 100 + b"Y: ", b"GET /livez?"])
async def test_a_head_without_end_is_refused_before_it_fills_the_memory(product: Product, shared_place: Place, part: bytes) -> None:
    answer = await said(shared_place, part + b"y" * (LARGEST_HEAD + 1 - len(part)))
    assert answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))  # the parser has a limit of its own for the request line
    assert b"urn:licensing:problem:" in answer
    assert (await product.pool("hq"))["authorized"] == 50


async def test_large_headers_that_are_within_the_limit_are_read(product: Product, shared_place: Place) -> None:
    for _ in range(3):
        answer = await said(shared_place, HEAD + b"Connection: close\r\nX: " + b"y" * (LARGEST_HEAD // 2) + b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")


async def test_requests_that_follow_each_other_unasked_are_answered_one_by_one(product: Product, shared_place: Place) -> None:
    body = b"x" * (LARGEST_HEAD * 2)
    post = b"POST /v1/unit-calculations HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    answer = await said(shared_place, post + HEAD + b"\r\n" + HEAD + b"Connection: close\r\n\r\n")
    assert [answer.count(b"HTTP/1.1 %d " % status) for status in (401, 200)] == [1, 2]


async def test_a_connection_that_ends_within_a_body_stores_nothing(product: Product, shared_place: Place) -> None:
    key = shared_place.key("admin.key")["Authorization"]
    _, writer = await asyncio.open_connection("127.0.0.1", shared_place.port)
    headers = ("Host: x", f"Authorization: {key}", "Content-Type: application/json", "Content-Length: 100")
    head = "\r\n".join(("PUT /v1/clusters/half HTTP/1.1", *headers, "", ""))
    writer.write(head.encode() + b'{"product_version": "5.0"}')
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert [each["cluster"] for each in (await product.read("/v1/clusters"))["items"]] == ["hq"]
    assert (await product.admin.get("/readyz")).status_code == 200
