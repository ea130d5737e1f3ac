"""Builds the ledger."""

from functools import partial
from pathlib import Path

from fastapi import FastAPI

from services.ledger.actions.measure_pools import measure_pools
from services.ledger.actions.settle_batch import Desks, Settling
from services.ledger.consumers import consumers_of
from services.ledger.domain import ladder, refusals
from services.ledger.domain.transitions import Limits
from services.ledger.routes import bulk, clusters, devices, journal, migrations, nodes, unit_reports
from services.ledger.routes.short_way import ShortWay
from services.ledger.settings import LedgerSettings
from services.ledger.store import catalogue
from services.ledger.timers import heartbeat, timers_of
from shared.contracts.events.faults import LedgerDataStoreFailed, LedgerDataStoreRecovered, LedgerInternalErrorOccurred
from shared.contracts.events.ledger import PoolChanged
from shared.kit.app import Plan, build_app
from shared.kit.batches import Batches, Bounds
from shared.kit.bus import Bus
from shared.kit.clock import Clock
from shared.kit.faults import FaultEvents
from shared.kit.metrics import Metrics
from shared.kit.problems import ProblemTable, Rule
from shared.kit.scopes import ScopeTooNarrow
from shared.license_file.mac import InvalidMac

MIGRATIONS = Path(__file__).parent / "migrations"

PROBLEMS = ProblemTable(
    {
        refusals.UnitsExhausted: Rule(refusals.UnitsExhausted.rule, 409, "Not enough units", recorded=True),
        ladder.OverdraftRestricted: Rule(ladder.OverdraftRestricted.rule, 409, "Held up by the overdraft policy", recorded=True),
        refusals.ProvisioningFrozen: Rule(refusals.ProvisioningFrozen.rule, 409, "Nothing new before the license file", recorded=True),
        refusals.SoftwareLicenseMissing: Rule(refusals.SoftwareLicenseMissing.rule, 409, "No software license", recorded=True),
        refusals.UnknownDeviceType: Rule("unknown-device-type", 422, "A device type is not in the catalogue"),
        refusals.CatalogueMissing: Rule("catalogue-missing", 503, "No prices yet", retry_after_seconds=2),
        refusals.AtomicRefused: Rule("atomic-refused", 409, "Not all of the devices, so none"),
        refusals.AdjunctNotPossible: Rule("adjunct-not-possible", 422, "The device cannot be an adjunct"),
        refusals.AdjunctConflict: Rule("adjunct-conflict", 409, "The device cannot be an adjunct of that primary"),
        refusals.PrimaryOfAdjunct: Rule("primary-of-adjunct", 409, "Adjuncts point to the device"),
        ScopeTooNarrow: Rule("forbidden", 403, "Forbidden"),
        InvalidMac: Rule("invalid-mac", 422, "The MAC address cannot be used"),
        refusals.MacInUse: Rule("mac-in-use", 409, "Another node has this MAC address"),
        refusals.FirstNodeRequired: Rule("first-node-required", 409, "A cluster keeps a first node"),
        refusals.MajorLowered: Rule("major-lowered", 409, "The major version cannot be lowered"),
        refusals.MigrationNotPossible: Rule("migration-not-possible", 409, "The cluster cannot be migrated"),
        refusals.InvalidHead: Rule("invalid-head", 422, "That is no head of a journal"),
        refusals.InvalidInventory: Rule("invalid-inventory", 422, "The inventory cannot be migrated"),
    }
)


def create_app(settings: LedgerSettings, bus: Bus, clock: Clock, metrics: Metrics) -> FastAPI:
    """The ledger as an ASGI application."""
    limits = Limits(settings.approach_percent, settings.recede_percent)

    async def finish_batches() -> None:
        await desks.close()

    plan = Plan(
        service="ledger",
        title="Ledger",
        migrations=MIGRATIONS,
        routers=[clusters.router, nodes.router, devices.router, bulk.router, unit_reports.router, migrations.router, journal.router],
        problems=PROBLEMS,
        consumers=consumers_of(limits),
        faults=FaultEvents(LedgerDataStoreFailed, LedgerDataStoreRecovered, LedgerInternalErrorOccurred),
        background=[heartbeat(settings)],
        timers=timers_of(settings),
        fleeting=frozenset({PoolChanged.type}),
        on_stop=[finish_batches],
        short_way=partial(ShortWay, problems=PROBLEMS),
    )
    app = build_app(plan, settings, bus, clock, metrics)
    app.state.limits = limits
    kit = app.state.kit
    desks: Desks = Batches(Settling(kit.database, limits).settle, Bounds(keys_at_work=max(1, settings.database_pool_size // 2)))
    app.state.desks = desks

    async def prices() -> str | None:
        version = await catalogue.version_in(kit.database.engine)
        return None if version else "the unit catalogue has not arrived from the calculator yet; it publishes it when it starts"

    kit.checks["catalogue"] = prices
    metrics.before_scrape("ledger", measure_pools(kit.database, metrics))
    return app
