"""From a check-out that enters the overdraft to the webhook that tells of it, everything in one process.

Measured from sending the check-out to the moment in which the receiver has the whole body, before it is verified by the reference library
of Standard Webhooks. One quiet cluster after the other: an alarm that comes back within a quarter of an hour more than three times is told
with a pause, and that pause is no figure of ours. A test is sent before, as whoever makes a destination does: the first delivery of a
process loads certificates and what speaks TLS, and with few samples it would be the only thing that is measured.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

from aiohttp import web

from bench.figures import Figure, Lost, Section, at_most
from bench.percentiles import Spread, spread_of
from tests.faults.patience import until
from tests.receivers.web import Answer, WebReceiver, web_receiver
from tests.system.conftest import new_place
from tests.system.instance import started
from tests.system.product import Product, mac, users_of

NAME = "Overdraft to webhook, everything in one process"
TARGET_P99_MILLISECONDS = 300.0
OVERDRAFT = "CiscoLicenseOverDraft"
ROUNDS = 3
"""So many raisings of one alarm within a quarter of an hour are told at once."""

_UNITS = 20
_PATIENCE_SECONDS = 30.0
_SETTINGS = {"LICENSING_ALARMS_ALLOW_PRIVATE_TARGETS": "true"}
Key = tuple[str, str]
"""Cluster and occasion."""


@dataclass
class _Arrivals:
    """When each cluster's raisings and endings were here, in seconds of this process's clock."""

    at: dict[Key, list[float]] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def instead(self, take: Answer) -> Answer:
        """A receiver's ``take`` that notes the time first."""

        async def noted(request: web.Request) -> web.StreamResponse:
            told = await request.json()  # all of it has come; it is kept, and read again below
            self.at.setdefault((told["data"]["cluster"], told["data"]["occasion"]), []).append(time.perf_counter())
            self.news.set()
            return await take(request)

        return noted

    async def number(self, key: Key, count: int) -> float:
        """When the ``count``-th of these arrived. Raises Lost when it does not."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while len(self.at.get(key, [])) < count:
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            raise Lost(f"{key[0]}: {OVERDRAFT} {key[1]}, number {count}, did not arrive within {_PATIENCE_SECONDS:g} s") from None
        return self.at[key][count - 1]


async def measure(clusters: int) -> Section:
    """``clusters`` × ROUNDS overdrafts. Raises Lost where one was not told once."""
    arrivals = _Arrivals()
    with new_place(_SETTINGS) as place:
        async with web_receiver(noting=arrivals.instead) as receiver:
            with started(place):
                async with users_of(place) as product:
                    names = [await _full_cluster(product, number) for number in range(clusters)]
                    destination = await _destination(product, receiver)
                    took = await _rounds(product, names, arrivals)
                    await _check(product, receiver, destination, names)
    return Section(NAME, [_figure(spread_of(took), clusters)])


def _figure(spread: Spread, clusters: int) -> Figure:
    checked = f"{spread.samples} overdrafts over {clusters} clusters, each told and its end told, signed, at the first attempt and once"
    met = at_most(spread.p99, TARGET_P99_MILLISECONDS, "ms")
    return Figure("overdraft → webhook received p99", spread.p99, "ms", checked, spread, targets=[met])


async def _full_cluster(product: Product, number: int) -> str:
    """Every unit in use: the next one is overdraft."""
    name, address = f"told-{number}", mac(number)
    await product.make_cluster(name, address, starter=False)
    await product.install(name, await product.file_for(address, 1, _UNITS))
    devices = [{"device": f"SEP-full-{device}", "device_type": "cisco-7920"} for device in range(_UNITS // 4)]
    (await product.admin.post(f"/v1/clusters/{name}/check-outs", json={"devices": devices})).raise_for_status()
    return name


async def _destination(product: Product, receiver: WebReceiver) -> str:
    body = {"kind": "webhook", "target": f"http://127.0.0.1:{receiver.port}/", "secret": receiver.secret, "alarms": [OVERDRAFT]}
    made = (await product.admin.post("/v1/alarm-destinations", json=body)).raise_for_status().json()
    tried = (await product.admin.post(f"/v1/alarm-destinations/{made['destination_id']}/test")).raise_for_status().json()
    if tried["state"] != "sent":
        raise Lost(f"the test of the destination: {tried['answer']}")
    return str(made["destination_id"])


async def _rounds(product: Product, names: list[str], arrivals: _Arrivals) -> list[float]:
    took = []
    for count in range(1, ROUNDS + 1):
        for name in names:
            began = time.perf_counter()
            made = await product.put_device(name, "SEP-over", "cisco-7902")
            if made.status_code != 201:
                raise Lost(f"check-out in {name}: {made.status_code} {made.text[:300]}")
            took.append(await arrivals.number((name, "raised"), count) - began)
            await product.remove_device(name, "SEP-over")
            await arrivals.number((name, "cleared"), count)
    return took


async def _check(product: Product, receiver: WebReceiver, destination: str, names: list[str]) -> None:
    """Raises Lost unless each was told exactly once, with a good signature, and the rows say so."""
    ids = Counter(call.webhook_id for call in receiver.received if call.told["data"]["occasion"] != "test")
    if receiver.unverified or len(ids) != len(names) * ROUNDS * 2 or set(ids.values()) != {1}:
        raise Lost(
            f"{len(ids)} messages of {len(names) * ROUNDS * 2}, {len(receiver.received)} calls, unverified: {receiver.unverified[:3]}"
        )

    async def rows_are_sent() -> bool:
        where = {"destination_id": destination, "limit": "1"}
        return not any([(await product.read("/v1/alarm-deliveries", state=s, **where))["items"] for s in ("waiting", "claimed", "failed")])

    await until(rows_are_sent, "each delivery is written down as sent")
    for name in names:
        pool = await product.pool(name)
        if pool["used"] != _UNITS:
            raise Lost(f"{name}: {_UNITS} units are held, the pool says {pool['used']}")
