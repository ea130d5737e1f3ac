"""The proxy over real connections: which address is asked, what is asked twice and what never."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.proxy import Upstream
from gateway.proxy.addresses import Limits
from gateway.proxy.call import Broken, Unreachable
from shared.kit.metrics import Metrics
from tests.service.gateway.replica import EAGER, Asked, Replica, Request, ask, proxy, replicas, until


async def _ready(upstream: Upstream) -> int:
    return (await ask(upstream, path="/readyz"))[0]


async def _broken(request: Request) -> None:
    """Takes the whole request and hangs up."""
    await request.body()
    request.writer.transport.abort()


async def _half_closed(request: Request) -> None:
    await request.body()
    request.writer.write_eof()
    await request.reader.read()


async def _half_a_head(request: Request) -> None:
    await request.body()
    await request.say(b"HTTP/1.1 200 OK\r\nconte")
    request.writer.transport.abort()


class Held:
    """Answers only once it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def __call__(self, request: Request) -> None:
        await request.body()
        await self.go.wait()
        await request.answer()


async def test_requests_spread_to_the_least_busy() -> None:
    held = Held()
    three = [Replica(held) for _ in range(3)]
    async with replicas(*three), proxy(*(replica.url for replica in three)) as upstream:
        asked = [await Asked(upstream).say() for _ in range(9)]
        await until(lambda: sum(len(replica.requests) for replica in three) == 9, "nine requests are under way")
        assert [len(replica.requests) for replica in three] == [3, 3, 3]
        held.go.set()
        assert [await each.answer() for each in asked] == [(200, b"ok")] * 9


async def test_a_dead_address_is_out_at_once_and_comes_back_by_itself() -> None:
    one, other = Replica(), Replica()
    metrics = Metrics()
    healthy = {"upstream": "ledger"}
    async with replicas(one, other), proxy(one.url, other.url, metrics=metrics) as upstream:
        assert metrics.registry.get_sample_value("license_upstream_healthy_addresses", healthy) == 2
        await one.stop()
        assert [await ask(upstream, "POST", body=b"once") for _ in range(8)] == [(200, b"ok")] * 8
        assert len(other.requests) == 8
        await until(lambda: metrics.registry.get_sample_value("license_upstream_healthy_addresses", healthy) == 1, "it is out")
        await one.start()
        await until(lambda: metrics.registry.get_sample_value("license_upstream_healthy_addresses", healthy) == 2, "it is back")
        for _ in range(64):
            await ask(upstream)
        assert one.requests
        assert metrics.registry.get_sample_value("license_upstream_requests_under_way", healthy) == 0


async def test_a_draining_address_gets_no_new_request_and_finishes_what_it_has() -> None:
    held = Held()
    leaving, staying = Replica(held), Replica()
    async with replicas(leaving, staying), proxy(leaving.url, staying.url) as upstream:
        under_way = []
        while not leaving.requests:
            under_way.append(await Asked(upstream, "POST").say())
            await until(lambda: len(leaving.requests) + len(staying.requests) == len(under_way), "it arrived")
        before = len(leaving.requests)
        leaving.readyz = 503
        await until(lambda: "status 503" in upstream._addresses.findings().values(), "it was noticed")
        assert [await ask(upstream, "POST") for _ in range(8)] == [(200, b"ok")] * 8
        assert len(leaving.requests) == before
        held.go.set()
        assert {await each.answer() for each in under_way} == {(200, b"ok")}
        assert await _ready(upstream) == 200
        staying.readyz = 503
        await until(lambda: None not in upstream._addresses.findings().values(), "nobody is ready")
        assert await _ready(upstream) == 503
        assert (await ask(upstream))[0] == 200  # a service that is not ready says itself what is wrong


async def test_where_nobody_listens_it_is_told_and_tried_again_each_time() -> None:
    replica = Replica()
    async with replicas(replica):
        pass
    async with proxy(replica.url) as upstream:
        for method in ("GET", "POST"):
            with pytest.raises(Unreachable):
                await ask(upstream, method)
        assert await _ready(upstream) == 503
        await replica.start()
        assert await ask(upstream) == (200, b"ok")
        await replica.stop()


@pytest.mark.parametrize("breaking", [_broken, _half_closed, _half_a_head])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_what_may_be_repeated_is_answered_by_another_address(breaking: Callable[[Request], Awaitable[None]], method: str) -> None:
    bad, good = Replica(breaking), Replica()
    async with replicas(bad, good), proxy(bad.url, good.url) as upstream:
        while not bad.requests:
            assert await ask(upstream, method, body=b"{}") == (200, b"ok")
        assert len(bad.requests) == 1
        assert good.requests[-1].line == f"{method} /x HTTP/1.1"
        assert good.requests[-1].header("content-length") == ["2"]


@pytest.mark.parametrize("breaking", [_broken, _half_closed, _half_a_head])
async def test_a_post_reaches_one_address_at_most(breaking: Callable[[Request], Awaitable[None]]) -> None:
    both = [Replica(breaking), Replica(breaking)]
    async with replicas(*both), proxy(*(replica.url for replica in both)) as upstream:
        for count in range(1, 9):
            with pytest.raises(Broken):
                await ask(upstream, "POST", body=b"{}")
            assert sum(len(replica.requests) for replica in both) == count


async def test_a_post_on_a_connection_that_was_closed_meanwhile_is_not_repeated_either() -> None:
    async def answer_once(request: Request) -> None:
        first = len(replica.requests) == 1
        await (simple_once if first else _broken)(request)

    async def simple_once(request: Request) -> None:
        await request.body()
        await request.answer()

    replica = Replica(answer_once)
    async with replicas(replica), proxy(replica.url) as upstream:
        await ask(upstream, "POST", body=b"{}")
        with pytest.raises(Broken):
            await ask(upstream, "POST", body=b"{}")
        assert len(replica.requests) == 2


async def test_an_address_that_another_service_has_by_now_is_left_for_the_next_one() -> None:
    async def misdirected(request: Request) -> None:
        await request.body()
        await request.answer(421)

    other, right = Replica(misdirected), Replica()
    async with replicas(other, right), proxy(other.url, right.url) as upstream:
        while not other.requests:
            assert await ask(upstream, "POST", body=b"{}") == (200, b"ok")
        async with proxy(other.url) as alone:
            with pytest.raises(Unreachable):
                await ask(alone, "POST", body=b"{}")


@pytest.mark.parametrize(("size", "asked"), [(64 * 1024, 2), (64 * 1024 + 1, 1)])
async def test_a_body_is_held_for_a_repetition_up_to_64_kib(size: int, asked: int) -> None:
    both = [Replica(_broken), Replica(_broken)]
    async with replicas(*both), proxy(*(replica.url for replica in both)) as upstream:
        sent = Asked(upstream, "PUT", content_length=str(size))
        await sent.say(bytes(size // 2), more=True)
        await sent.say(bytes(size - size // 2))
        with pytest.raises(Broken):
            await sent.answer()
        assert sum(len(replica.requests) for replica in both) == asked


async def test_a_large_body_of_which_nothing_was_sent_goes_to_another_address() -> None:
    dead, good = Replica(), Replica()
    async with replicas(dead, good), proxy(dead.url, good.url, limits=Limits(ask_seconds=60)) as upstream:
        await dead.stop()
        sent = 0
        while upstream._addresses.findings()[dead.url] is None:
            asked = Asked(upstream, "POST")
            for _ in range(3):
                await asked.say(bytes(50_000), more=True)
            assert await (await asked.say()).answer() == (200, b"ok")
            sent += 1
        assert len(good.requests) == sent
        await dead.start()


async def test_more_than_an_address_may_have_waits_a_little_and_is_told_to_come_again() -> None:
    held = Held()
    replica = Replica(held)
    async with replicas(replica), proxy(replica.url) as upstream:
        asked = [await Asked(upstream).say() for _ in range(EAGER.calls_per_address)]
        await until(lambda: len(replica.requests) == len(asked), "all are under way")
        refused = await Asked(upstream, "POST").say()
        start = await refused.hear()
        assert (start["status"], (b"retry-after", b"1") in start["headers"]) == (503, True)
        assert b"urn:licensing:problem:busy" in (await refused.hear())["body"]
        assert len(replica.requests) == len(asked)
        held.go.set()
        assert {await each.answer() for each in asked} == {(200, b"ok")}


async def test_who_waits_for_room_is_answered_when_there_is_some() -> None:
    held = Held()
    replica = Replica(held)
    patient = Limits(calls_per_address=1, wait_seconds=20)
    async with replicas(replica), proxy(replica.url, limits=patient) as upstream:
        asked = [await Asked(upstream).say() for _ in range(3)]
        await until(lambda: replica.requests, "one is under way")
        held.go.set()
        assert [await each.answer() for each in asked] == [(200, b"ok")] * 3


async def test_a_silent_address_is_out_after_two_silences() -> None:
    silent, good = Replica(), Replica()
    limits = Limits(health_seconds=0.05, ask_seconds=0.01)
    async with replicas(silent, good), proxy(silent.url, good.url, limits=limits) as upstream:
        silent.readyz = None
        await until(lambda: "no answer within 0.05 s" in upstream._addresses.findings().values(), "it was noticed")
        await asyncio.gather(*(ask(upstream) for _ in range(8)))
        assert not silent.requests
