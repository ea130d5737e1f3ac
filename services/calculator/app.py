"""Builds the calculator."""

from pathlib import Path

import httpx
from fastapi import FastAPI

from services.calculator.actions.publish_catalogue import load_shipped_catalogue
from services.calculator.clients import Ledger
from services.calculator.domain.catalogue import ShippedDeviceType, UnknownDeviceType
from services.calculator.routes import device_types, unit_calculations
from services.calculator.settings import CalculatorSettings
from shared.kit.app import Kit, Plan, build_app
from shared.kit.bus import Bus
from shared.kit.client import ServiceClient
from shared.kit.clock import Clock
from shared.kit.metrics import Metrics
from shared.kit.problems import ProblemTable, Rule

MIGRATIONS = Path(__file__).parent / "migrations"

PROBLEMS = ProblemTable(
    {
        UnknownDeviceType: Rule("unknown-device-type", 422, "A device type is not in the catalogue"),
        ShippedDeviceType: Rule("shipped-device-type", 409, "A shipped device type cannot be re-rated"),
    }
)


async def _load_catalogue(kit: Kit) -> None:
    async with kit.database.transaction() as transaction:
        await load_shipped_catalogue(transaction)


def create_app(
    settings: CalculatorSettings, bus: Bus, clock: Clock, metrics: Metrics, *, ledger: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """The calculator as an ASGI application. ``ledger``: how the ledger is reached, the network by default."""
    asked = Ledger(ServiceClient("ledger", settings.ledger_url, ledger))
    plan = Plan(
        service="calculator",
        title="Calculator",
        migrations=MIGRATIONS,
        routers=[device_types.router, unit_calculations.router],
        problems=PROBLEMS,
        on_start=[_load_catalogue],
        on_stop=[asked.close],
    )
    app = build_app(plan, settings, bus, clock, metrics)
    app.state.ledger = asked
    return app
