"""``python -m bench.ledger.ledger_process serve``: the ledger as it is, its events delivered in memory, and two doors for the bench.

``GET /empty``: typed, does nothing: what the server itself costs. ``POST /bench/events``: hears one event as from the bus, and answers when
the ledger has it for good; grants and retirements come that way, as they do from the broker, at least once.
"""

from fastapi import APIRouter, FastAPI, Request

from services.ledger.app import create_app
from services.ledger.settings import LedgerSettings
from shared.contracts.base import AnswerBody, Envelope
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


def create_measured(settings: LedgerSettings, bus: Bus, clock: Clock, metrics: Metrics) -> FastAPI:
    """The ledger with the two doors."""
    app = create_app(settings, bus, clock, metrics)
    app.include_router(_doors)
    return app


if __name__ == "__main__":
    main(create_app, LedgerSettings, served=Served(create_measured, broker=False))
