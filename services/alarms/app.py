"""Builds the alarms."""

from functools import partial
from importlib import resources
from pathlib import Path

from fastapi import FastAPI

from services.alarms.actions.deliver import Courier, Patience
from services.alarms.actions.measure import Board
from services.alarms.actions.stream import Stream
from services.alarms.actions.watch_ledger import LedgerWatch
from services.alarms.actions.watch_services import Pace, Watchdog
from services.alarms.clients.liveness import Liveness
from services.alarms.clients.ways import Ways
from services.alarms.consumers import consumers_of
from services.alarms.domain import heartbeat
from services.alarms.domain import watch as watching
from services.alarms.domain.alarm import AlarmIsCleared
from services.alarms.domain.catalogue import Catalogue, read_catalogue
from services.alarms.domain.destination import NoSecretToRotate, TooManyDestinations
from services.alarms.domain.reach import Guard, TargetRefused
from services.alarms.domain.schedule import InvalidSchedule
from services.alarms.domain.stream import TooManyListeners
from services.alarms.domain.targets import InvalidTarget
from services.alarms.routes import alarm_catalogue, alarms, deliveries, destinations, stream
from services.alarms.settings import AlarmsSettings
from services.alarms.timers import timers_of
from shared.kit.app import Plan, build_app
from shared.kit.bus import Bus
from shared.kit.clock import Clock
from shared.kit.metrics import Metrics
from shared.kit.problems import ProblemTable, Rule

MIGRATIONS = Path(__file__).parent / "migrations"

PROBLEMS = ProblemTable(
    {
        AlarmIsCleared: Rule("alarm-cleared", 409, "The alarm stands no longer"),
        InvalidTarget: Rule("invalid-target", 422, "Nothing that can be told"),
        TargetRefused: Rule("target-refused", 422, "A target that this installation does not tell"),
        InvalidSchedule: Rule("invalid-schedule", 422, "A schedule that cannot be kept"),
        TooManyDestinations: Rule("too-many-destinations", 409, "The limit of destinations is reached"),
        TooManyListeners: Rule("too-many-listeners", 503, "No room for another listener"),
        NoSecretToRotate: Rule("no-secret-to-rotate", 409, "The destination signs nothing"),
    }
)


def shipped_catalogue() -> Catalogue:
    """The catalogue of this release."""
    return read_catalogue(resources.files("services.alarms").joinpath("data/alarms.csv").read_text("utf-8"))


def create_app(settings: AlarmsSettings, bus: Bus, clock: Clock, metrics: Metrics) -> FastAPI:
    """The alarms as an ASGI application."""
    catalogue = shipped_catalogue()
    board = Board(metrics, catalogue)
    patience = heartbeat.Patience(settings.missed_heartbeats, settings.start_up_grace_seconds)
    listening = Stream(settings.stream_beat_seconds, settings.stream_poll_seconds, settings.stream_listeners)
    ways = Ways(settings, clock)
    courier = Courier(ways.send, Patience(settings.delivery_places, 3 * settings.delivery_seconds, settings.delivery_poll_seconds))
    watch = LedgerWatch(clock, patience, settings.watch_seconds, bus.check)
    liveness = Liveness()
    asked = {name: partial(liveness.check, addresses) for name, addresses in settings.alarms_watched.items()}
    pace = Pace(settings.watch_seconds, watching.Patience(settings.missed_looks, settings.start_up_grace_seconds), patience)
    watchdog = Watchdog({**asked, watching.BROKER: bus.check}, pace, catalogue, clock, metrics)
    plan = Plan(
        service="alarms",
        title="Alarms",
        migrations=MIGRATIONS,
        routers=[stream.router, alarms.router, alarm_catalogue.router, destinations.router, deliveries.router],
        problems=PROBLEMS,
        consumers=consumers_of(catalogue, board, watch),
        timers=timers_of(settings, catalogue, watch),
        background=[courier.run, listening.run, watchdog.run],
        on_stop=[ways.close, liveness.close],
    )
    app = build_app(plan, settings, bus, clock, metrics)
    app.state.catalogue = catalogue
    app.state.courier = courier
    app.state.stream = listening
    app.state.guard = Guard(settings.alarms_allow_private_targets)
    metrics.before_scrape("alarms", lambda: board.refresh(app.state.kit.database))
    return app
