"""Builds the alarms."""

from importlib import resources
from pathlib import Path

from fastapi import FastAPI

from services.alarms.actions.measure import Board
from services.alarms.actions.watch_ledger import LedgerWatch
from services.alarms.consumers import consumers_of
from services.alarms.domain.alarm import AlarmIsCleared
from services.alarms.domain.catalogue import Catalogue, read_catalogue
from services.alarms.domain.heartbeat import Patience
from services.alarms.routes import alarm_catalogue, alarms
from services.alarms.settings import AlarmsSettings
from services.alarms.timers import timers_of
from shared.kit.app import Plan, build_app
from shared.kit.bus import Bus
from shared.kit.clock import Clock
from shared.kit.metrics import Metrics
from shared.kit.problems import ProblemTable, Rule

MIGRATIONS = Path(__file__).parent / "migrations"

PROBLEMS = ProblemTable({AlarmIsCleared: Rule("alarm-cleared", 409, "The alarm stands no longer")})


def shipped_catalogue() -> Catalogue:
    """The catalogue of this release."""
    return read_catalogue(resources.files("services.alarms").joinpath("data/alarms.csv").read_text("utf-8"))


def create_app(settings: AlarmsSettings, bus: Bus, clock: Clock, metrics: Metrics) -> FastAPI:
    """The alarms as an ASGI application."""
    catalogue = shipped_catalogue()
    board = Board(metrics, catalogue)
    patience = Patience(settings.missed_heartbeats, settings.start_up_grace_seconds)
    watch = LedgerWatch(clock, patience, settings.watch_seconds, bus.check)
    plan = Plan(
        service="alarms",
        title="Alarms",
        migrations=MIGRATIONS,
        routers=[alarms.router, alarm_catalogue.router],
        problems=PROBLEMS,
        consumers=consumers_of(catalogue, board, watch),
        timers=timers_of(settings, catalogue, watch),
    )
    app = build_app(plan, settings, bus, clock, metrics)
    app.state.catalogue = catalogue
    metrics.before_scrape("alarms", lambda: board.refresh(app.state.kit.database))
    return app
