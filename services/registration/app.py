"""Builds the registration desk."""

import asyncio
from pathlib import Path

from fastapi import FastAPI

from services.registration.actions.desk import Desk
from services.registration.clients.signing_key import load_or_make
from services.registration.domain import license_file, migration, order, returns
from services.registration.routes import orders, registrations
from services.registration.settings import RegistrationSettings
from shared.kit.app import Kit, Plan, build_app
from shared.kit.bus import Bus
from shared.kit.clock import Clock
from shared.kit.metrics import Metrics
from shared.kit.problems import ProblemTable, Rule
from shared.license_file.mac import InvalidMac

MIGRATIONS = Path(__file__).parent / "migrations"

PROBLEMS = ProblemTable(
    {
        InvalidMac: Rule("invalid-mac", 422, "Not a MAC address"),
        order.EmptyOrder: Rule("empty-order", 422, "The order holds nothing"),
        order.ExpiryPassed: Rule("expiry-passed", 422, "The licenses would have expired already"),
        order.UnsupportedVersion: Rule("unsupported-version", 422, "A product version without licensing"),
        order.EmptyShare: Rule("empty-share", 422, "The license file would hold nothing"),
        order.OrderExhausted: Rule("order-exhausted", 409, "More than remains of the order"),
        order.SplitNotAllowed: Rule("split-not-allowed", 409, "The order may not be split"),
        order.OrderExpired: Rule("order-expired", 409, "The order's licenses have expired"),
        migration.MigrationFileRefused: Rule("invalid-migration-file", 422, "The migration file is refused"),
        migration.MigrationAlreadyRegistered: Rule("migration-already-registered", 409, "The migration has its license file"),
        migration.MigrationFileChanged: Rule("migration-file-changed", 409, "Another content waits under this migration id"),
        # Recorded: the order that it waits for is kept.
        migration.MigrationAwaitsApproval: Rule("migration-awaits-approval", 409, "The migration waits for approval", recorded=True),
        license_file.AlreadyRehosted: Rule("already-rehosted", 409, "The license file was replaced already"),
        license_file.AlreadyReturned: Rule("already-returned", 409, "The license file's share went back to its order"),
        license_file.SameMac: Rule("same-mac", 409, "The license file has this MAC already"),
        returns.MigrationNotReturnable: Rule("not-returnable", 409, "The license file is of no order that was bought"),
        returns.ReturnLimitReached: Rule("return-limit-reached", 409, "Too many files of the order are void"),
        license_file.RehostLimitReached: Rule("rehost-limit-reached", 409, "The license was re-hosted too often"),
    }
)


def create_app(settings: RegistrationSettings, bus: Bus, clock: Clock, metrics: Metrics) -> FastAPI:
    """The desk as an ASGI application. The signing key is opened when it starts: a SigningKeyError then ends the start."""

    async def open_signing_key(_kit: Kit) -> None:
        app.state.desk = Desk(await asyncio.to_thread(load_or_make, settings), settings.overdraft_percent)

    plan = Plan(
        service="registration",
        title="Registration desk",
        migrations=MIGRATIONS,
        routers=[orders.router, registrations.router],
        problems=PROBLEMS,
        on_start=[open_signing_key],
    )
    app = build_app(plan, settings, bus, clock, metrics)
    app.state.settings = settings
    return app
