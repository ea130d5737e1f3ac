"""Where a service answers: names that are looked up again and again, and what is no address."""

import asyncio
from dataclasses import replace

import pytest

from gateway.proxy import Upstream
from shared.kit.metrics import Metrics
from tests.service.gateway.replica import EAGER, Replica, ask, proxy, replicas, until


async def test_a_name_is_looked_up_again_and_stands_for_all_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    three = [Replica() for _ in range(3)]
    hosts = ["127.0.0.1"]

    async def look_up(_self: object, host: str, port: int, **_more: object) -> list[tuple[object, ...]]:
        assert host == "ledger"
        if not hosts:
            raise OSError("no name server")
        return [(0, 0, 0, "", (host, port)) for host in hosts]

    await three[0].start()
    for number, replica in enumerate(three[1:], 2):
        replica.host, replica.port = f"127.0.0.{number}", three[0].port
        await replica.start()
    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", look_up)
    async with proxy(f"http://ledger:{three[0].port}") as upstream:
        assert len(upstream._addresses.findings()) == 1
        hosts += ["127.0.0.2", "127.0.0.3"]
        await until(lambda: list(upstream._addresses.findings().values()) == [None] * 3, "three are ready")
        while not all(replica.requests for replica in three):
            await ask(upstream)
        assert three[2].requests[0].header("host") == [f"ledger:{three[0].port}"]
        hosts.clear()
        await until(lambda: not hosts, "the name server is away")
        assert await ask(upstream) == (200, b"ok")
        hosts += ["127.0.0.3"]
        await until(lambda: len(upstream._addresses.findings()) == 1, "two are gone")
        assert await ask(upstream) == (200, b"ok")
    for replica in three:
        await replica.stop()


async def test_a_name_that_is_not_found_or_whose_look_up_hangs_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def look_up(_self: object, host: str, port: int, **_more: object) -> list[tuple[object, ...]]:
        asked.append(host)
        if host == "hangs":
            await asyncio.Event().wait()
        if host == "away":
            raise OSError("no such name")
        return [(0, 0, 0, "", ("127.0.0.1", port))]

    replica = Replica()
    async with replicas(replica):
        monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", look_up)
        urls = [f"http://{host}:{replica.port}" for host in ("hangs", "away", "there")]
        async with proxy(*urls) as upstream:
            assert await ask(upstream, "POST") == (200, b"ok")
            await until(lambda: asked.count("away") > 2, "it is looked for again")
        assert asked.count("hangs") == 1  # each one more would hold a thread more


async def test_an_address_that_is_gone_before_it_answered_does_not_hold_the_start_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def look_up(_self: object, host: str, port: int, **_more: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(0, 0, 0, "", ("127.0.0.1", port))] if len(asked) == 1 else []

    silent = Replica(readyz=None)
    async with replicas(silent):
        monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", look_up)
        async with asyncio.timeout(20), proxy(f"http://ledger:{silent.port}", limits=replace(EAGER, health_seconds=600)) as upstream:
            assert not upstream._addresses.findings()


@pytest.mark.parametrize("url", ["https://x:1", "x:1", "http://", "http://x/path", "http://x:port", "http://u@x"])
def test_an_address_that_is_none_is_refused_when_it_is_given(url: str) -> None:
    with pytest.raises(ValueError, match="cannot be at"):
        Upstream("ledger", [url], Metrics())
