"""Builds the ledger."""

from functools import partial
from pathlib import Path

from fastapi import FastAPI

from services.ledger.actions.go_on import Reconciler
from services.ledger.actions.measure_pools import measure_pools
from services.ledger.actions.settle_batch import Desks, Settling
from services.ledger.consumers import consumers_of
from services.ledger.domain import inventory, ladder, network_service, refusals
from services.ledger.domain.past import InvalidInstant
from services.ledger.domain.transitions import Limits
from services.ledger.routes import (
    bulk,
    clusters,
    demand,
    devices,
    ghosts,
    journal,
    migrations,
    network_services,
    nodes,
    reconciliations,
    unit_reports,
)
from services.ledger.routes.inventory_text import InventoryTooLarge
from services.ledger.routes.short_way import ShortWay
from services.ledger.settings import LedgerSettings
from services.ledger.store import catalogue
from services.ledger.timers import heartbeat, keep_figures, reconciling, timers_of, watch_leases
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

ROUTERS = [
    module.router
    for module in (clusters, nodes, network_services, devices, bulk, unit_reports, migrations, journal, ghosts, demand, reconciliations)
]


def _refusal(kind: type[refusals.Refusal], title: str) -> Rule:
    """A decision about units: remembered, and told with the rule that decided."""
    return Rule(kind.rule, 409, title, recorded=True, members={"rule": kind.rule})


PROBLEMS = ProblemTable(
    {
        refusals.UnitsExhausted: _refusal(refusals.UnitsExhausted, "Not enough units"),
        ladder.OverdraftRestricted: _refusal(ladder.OverdraftRestricted, "Held up by the overdraft policy"),
        refusals.ProvisioningFrozen: _refusal(refusals.ProvisioningFrozen, "Nothing new before the license file"),
        refusals.SoftwareLicenseMissing: _refusal(refusals.SoftwareLicenseMissing, "No software license"),
        refusals.UnknownDeviceType: Rule("unknown-device-type", 422, "A device type is not in the catalogue"),
        refusals.CatalogueMissing: Rule("catalogue-missing", 503, "No prices yet", retry_after_seconds=2),
        refusals.AtomicRefused: Rule("atomic-refused", 409, "Not all of the devices, so none"),
        refusals.AdjunctNotPossible: Rule("adjunct-not-possible", 422, "The device cannot be an adjunct"),
        refusals.AdjunctConflict: Rule("adjunct-conflict", 409, "The device cannot be an adjunct of that primary"),
        refusals.PrimaryOfAdjunct: Rule("primary-of-adjunct", 409, "Adjuncts point to the device"),
        network_service.LicenseManagerStopped: Rule(
            "license-manager-stopped", 503, "The license manager is stopped", retry_after_seconds=30
        ),
        network_service.LicenseManagerElsewhere: Rule("license-manager-elsewhere", 409, "Another node is the license manager"),
        ScopeTooNarrow: Rule("forbidden", 403, "Forbidden"),
        InvalidMac: Rule("invalid-mac", 422, "The MAC address cannot be used"),
        refusals.MacInUse: Rule("mac-in-use", 409, "Another node has this MAC address"),
        refusals.FirstNodeRequired: Rule("first-node-required", 409, "A cluster keeps a first node"),
        refusals.MajorLowered: Rule("major-lowered", 409, "The major version cannot be lowered"),
        refusals.MigrationNotPossible: Rule("migration-not-possible", 409, "The cluster cannot be migrated"),
        refusals.InvalidHead: Rule("invalid-head", 422, "That is no head of a journal"),
        inventory.InventoryUnreadable: Rule("inventory-unreadable", 422, "The inventory cannot be read"),
        inventory.InventoryAbandoned: Rule("inventory-abandoned", 409, "The inventory came too slowly"),
        inventory.ReconciliationUnderWay: Rule("reconciliation-under-way", 409, "A reconciliation is under way", retry_after_seconds=5),
        inventory.ReconciliationConflict: Rule("reconciliation-conflict", 409, "Not in this state of the reconciliation"),
        InventoryTooLarge: Rule("content-too-large", 413, "The inventory is too large"),
        InvalidInstant: Rule("invalid-instant", 422, "The journal does not tell of that instant"),
        refusals.InvalidInventory: Rule("invalid-inventory", 422, "The inventory cannot be migrated"),
    }
)


def create_app(settings: LedgerSettings, bus: Bus, clock: Clock, metrics: Metrics) -> FastAPI:
    """The ledger as an ASGI application."""
    limits = Limits(settings.approach_percent, settings.recede_percent)

    async def finish_batches() -> None:
        await reconciler.close()
        await desks.close()

    plan = Plan(
        service="ledger",
        title="Ledger",
        migrations=MIGRATIONS,
        routers=ROUTERS,
        problems=PROBLEMS,
        consumers=consumers_of(limits),
        timers=timers_of(settings),
        faults=FaultEvents(LedgerDataStoreFailed, LedgerDataStoreRecovered, LedgerInternalErrorOccurred),
        background=[heartbeat(settings), reconciling(settings, lambda: reconciler)],
        fleeting=frozenset({PoolChanged.type}),
        on_stop=[finish_batches],
        short_way=partial(ShortWay, problems=PROBLEMS),
    )
    app = build_app(plan, settings, bus, clock, metrics)
    app.state.limits = limits
    kit = app.state.kit
    desks: Desks = Batches(Settling(kit.database, limits).settle, Bounds(keys_at_work=max(1, settings.database_pool_size // 2)))
    app.state.desks = desks
    keep_figures(plan.timers, settings)
    watch_leases(plan.timers, settings, kit.database, desks)
    reconciler = Reconciler(kit.database, limits, kit.faults.report)
    app.state.reconciler = reconciler

    async def prices() -> str | None:
        version = await catalogue.version_in(kit.database.engine)
        return None if version else "the unit catalogue has not arrived from the calculator yet; it publishes it when it starts"

    kit.checks["catalogue"] = prices
    metrics.before_scrape("ledger", measure_pools(kit.database, metrics))
    return app
