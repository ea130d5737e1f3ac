"""Builds the registration desk."""

import asyncio
from pathlib import Path

from fastapi import FastAPI

from services.registration.actions.desk import Desk
from services.registration.clients.mail_server import mail_server_of
from services.registration.clients.signing_key import load_or_make
from services.registration.domain import delivery, license_file, migration, order, returns
from services.registration.routes import deliveries, orders, record, registrations
from services.registration.settings import RegistrationSettings
from services.registration.timers import Deliveries
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
        delivery.MailIsOff: Rule("mail-is-off", 409, "This desk sends no mail"),
        delivery.ReplacedBeforeDelivery: Rule("license-file-replaced", 409, "The license file was replaced"),
    }
)


def create_app(settings: RegistrationSettings, bus: Bus, clock: Clock, metrics: Metrics) -> FastAPI:
    """The desk as an ASGI application. Key and certificates are read when it starts: SigningKeyError or UnusableMailServer end it then."""

    async def open_desk(_kit: Kit) -> None:
        key = await asyncio.to_thread(load_or_make, settings)
        app.state.desk = Desk(key, settings.overdraft_percent, mails=settings.smtp_host is not None)
        app.state.mail_server = await asyncio.to_thread(mail_server_of, settings)

    async def send_mail(kit: Kit) -> None:
        if app.state.mail_server is not None:
            await Deliveries(kit, app.state.mail_server).run()

    plan = Plan(
        service="registration",
        title="Registration desk",
        migrations=MIGRATIONS,
        routers=[orders.router, registrations.router, deliveries.router, record.router],
        problems=PROBLEMS,
        on_start=[open_desk],
        background=[send_mail],
    )
    app = build_app(plan, settings, bus, clock, metrics)
    app.state.settings = settings
    return app
