"""The vendor's desk is killed and stands still while orders are placed: each one that was asked for is there once.

A caller that got no answer asks again under the same Idempotency-Key, so unlike a check-out nothing is left open here.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from tests.faults.judge import every
from tests.faults.load import Answer, Book, Call, judged
from tests.faults.patience import until
from tests.faults.table import Row, Table
from tests.faults.trial import LONGEST_ANSWER_SECONDS, Stage
from tests.system.installation import Installation
from tests.system.product import EMAIL, Product

STANDS_STILL_SECONDS = 20


@dataclass
class Desk:
    """The vendor's side, and one caller of it that places orders."""

    installation: Installation
    product: Product
    table: Table
    book: Book = field(default_factory=Book)
    orders: list[str] = field(default_factory=list)

    async def place_orders(self, stop: asyncio.Event) -> None:
        """One after the other, each until it is answered."""
        while not stop.is_set():
            name = f"Customer {len(self.orders)}"
            self.orders.append(name)
            while await self._place(name) != "acknowledged":
                await asyncio.sleep(0.25)
            await asyncio.sleep(0.1)

    async def _place(self, name: str) -> Answer:
        wanted = {"customer": name, "email": EMAIL, "product_version": "5.0", "nodes": 1, "units": 10}
        began = time.monotonic()
        status, detail = 0, ""
        answer: Answer = "unknown"
        try:
            got = await self.product.vendor.post("/v1/orders", json=wanted, headers={"Idempotency-Key": name})
        except httpx.TransportError as error:
            detail = repr(error)
        else:
            status, (answer, fault) = got.status_code, judged(got)
            assert fault == "", fault
            assert answer != "refused", got.text
        self.book.calls.append(Call("PUT", "", name, 0, answer, status, began, time.monotonic(), 0, detail))
        return answer

    async def placed(self, more: int) -> None:
        """Wait until so many further orders are acknowledged."""
        count = self.book.count("acknowledged") + more

        async def look() -> bool:
            return self.book.count("acknowledged") >= count

        await until(look, f"{more} orders are placed")


@pytest.fixture(scope="module")
async def desk(stage: Stage) -> AsyncIterator[Desk]:
    """Beside the customer's side, on the same broker; the database is the vendor's own."""
    made = await Installation.make("vendor", stage.production.broker, durable=True)
    try:
        await made.up()
        key = {"Authorization": f"Bearer {made.first_key.read_text('utf-8').strip()}"}
        async with httpx.AsyncClient(base_url=made.urls[0], headers=key, timeout=LONGEST_ANSWER_SECONDS) as vendor:
            yield Desk(made, Product(vendor, vendor), stage.table)
    finally:
        await made.remove()


@asynccontextmanager
async def ordering(desk: Desk, fault: str) -> AsyncIterator[Callable[[], None]]:
    """Orders are placed while the body breaks something; it calls what it is given when the cause is gone."""
    desk.book, stop, mended = Book(), asyncio.Event(), [0.0]
    going = asyncio.create_task(desk.place_orders(stop))
    try:
        await desk.placed(3)
        yield lambda: mended.append(time.monotonic())
        await desk.placed(3)
    finally:
        stop.set()
        await asyncio.wait_for(going, LONGEST_ANSWER_SECONDS)
    calls, cause_gone = desk.book, mended[-1]
    first = calls.first_acknowledged_after(cause_gone)[0] - cause_gone
    counts = calls.count("acknowledged"), calls.count("unavailable"), calls.count("unknown")
    desk.table.rows.append(Row(fault, *counts, calls.longest_answer, calls.longest_gap, first, None))
    assert calls.longest_answer < LONGEST_ANSWER_SECONDS
    listed = sorted(order["customer"] for order in await every(desk.product, "/v1/orders"))
    assert listed == sorted(desk.orders), "every order that was asked for is there once"


async def test_a_desk_that_is_killed_keeps_every_order_once(desk: Desk) -> None:
    (registration,) = desk.installation.replicas["registration"]
    async with ordering(desk, "SIGKILL registration (vendor)") as mended:
        registration.kill()
        mended()
        registration.start()  # what the restart policy does


async def test_a_desk_that_stands_still_keeps_every_order_once(desk: Desk) -> None:
    (registration,) = desk.installation.replicas["registration"]
    async with ordering(desk, f"SIGSTOP registration (vendor) for {STANDS_STILL_SECONDS} s") as mended:
        registration.signal(signal.SIGSTOP)
        await asyncio.sleep(STANDS_STILL_SECONDS)
        registration.signal(signal.SIGCONT)
        mended()
