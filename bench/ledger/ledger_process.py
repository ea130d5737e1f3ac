"""``python -m bench.ledger.ledger_process serve``: the ledger as it is, its events delivered in memory, and three doors for the bench.

``GET /empty``: typed, does nothing: what the server itself costs. ``POST /bench/events``: hears one event as from the bus, and answers when
the ledger has it for good; grants and retirements come that way, as they do from the broker, at least once. ``POST /bench/check-outs``:
many devices at once, made and measured inside: from the parsed request to the commit.
"""

import time

from fastapi import APIRouter, FastAPI, Request

from services.ledger.actions.check_out import do_several
from services.ledger.actions.settle_batch import Desks
from services.ledger.app import create_app
from services.ledger.domain.devices import CheckOut, Command, Done
from services.ledger.settings import LedgerSettings
from shared.contracts.base import AnswerBody, Envelope, RequestBody
from shared.kit.bus import Bus
from shared.kit.clock import Clock
from shared.kit.command_line import Served, main
from shared.kit.metrics import Metrics


class Nothing(AnswerBody):
    """The smallest answer that has a type."""

    nothing: str = "nothing"


_doors = APIRouter()


@_doors.get("/empty")
async def nothing() -> Nothing:
    return Nothing()


@_doors.post("/bench/events", status_code=204)
async def hear(envelope: Envelope, request: Request) -> None:
    await request.app.state.kit.bus.publish(envelope)


class Wanted(RequestBody):
    """``count`` new devices of the cheapest type, named ``<prefix>-<number>``."""

    cluster: str
    prefix: str
    count: int
    device_type: str


class Took(AnswerBody):
    """Seconds from the commands to the commit, and how many devices were checked out."""

    seconds: float
    checked_out: int


@_doors.post("/bench/check-outs")
async def check_out_many(wanted: Wanted, request: Request) -> Took:
    desks: Desks = request.app.state.desks
    commands: list[Command] = [CheckOut(f"{wanted.prefix}-{number:07d}", wanted.device_type, None) for number in range(wanted.count)]
    began = time.perf_counter()
    settled = await do_several(desks, wanted.cluster, commands, atomic=False)
    seconds = time.perf_counter() - began
    done = [outcome for outcome in settled.outcomes if isinstance(outcome, Done)]
    return Took(seconds=seconds, checked_out=sum(1 for each in done if each.outcome == "checked_out"))


def create_measured(settings: LedgerSettings, bus: Bus, clock: Clock, metrics: Metrics) -> FastAPI:
    """The ledger with these doors."""
    app = create_app(settings, bus, clock, metrics)
    app.include_router(_doors)
    return app


if __name__ == "__main__":
    main(create_app, LedgerSettings, served=Served(create_measured, broker=False))
