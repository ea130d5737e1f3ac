"""The License Unit Report, of one cluster and of all."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict

from services.ledger.domain.past import Source, migrated_units, reported, with_migrations
from services.ledger.domain.pool import PHONE_UNIT, POOLED, Pool
from services.ledger.domain.report import by_status, sums_of
from services.ledger.domain.transitions import PoolState
from services.ledger.store import counts, demand, journal, ladders, listings, past, reports
from shared.contracts.bodies.demand import UnmetDemand
from shared.contracts.bodies.ledger import (
    DeviceTypeUnits,
    EnterpriseUnitReport,
    FeatureUnits,
    JournalHead,
    LicenseManagerBody,
    ReportedLicenseFile,
    UnitReport,
)
from shared.kit.transaction import Transaction


async def report_units(tx: Transaction, cluster: str) -> UnitReport:
    """Everything of one moment, so that the parts add up. Raises NotFound.

    ``at`` is the database's time: asked for that instant again, the journal tells the same, unless a change was being committed then.
    """
    await listings.in_one_snapshot(tx)
    found = await listings.find_cluster(tx, cluster)
    direct = await tx.direct()
    head = await journal.find_head(direct, cluster)
    assert head is not None
    nodes = {node.node: node.mac for node in found.nodes}
    phones = await ladders.phone_pool(tx, cluster)
    types = await counts.types_of(tx, cluster, phones.pool.used)
    sources = await told_sources(tx, cluster, await reports.sources_of(tx, cluster))
    return UnitReport(
        cluster=cluster,
        product_version=found.row.product_version,
        frozen=found.row.frozen,
        license_manager=license_manager(found.row.license_manager, nodes),
        features=features(await reports.pools_of(tx, cluster), phones, migrated_units(sources)),
        device_types=device_types(types),
        license_files=license_files(sources),
        unmet_demand=[UnmetDemand.model_validate(asdict(one)) for one in await demand.open_demand(direct, cluster)],
        journal=JournalHead(entries=head.sequence, head=str(head)),
        at=await past.latest(direct, cluster),
    )


async def report_enterprise_units(tx: Transaction) -> EnterpriseUnitReport:
    """All clusters together."""
    pools = await reports.pools_everywhere(tx)
    phones = [pool for pool in pools if pool.feature == PHONE_UNIT]
    migrated = await reports.migrated_everywhere(tx)
    features = [_with_migrated(FeatureUnits.model_validate(sums_of(feature, pools), from_attributes=True), migrated) for feature in POOLED]
    return EnterpriseUnitReport(clusters=len(phones), features=features, clusters_by_status=by_status(phones), at=tx.now)


async def told_sources(tx: Transaction, cluster: str, sources: Iterable[Source]) -> list[Source]:
    """The sources with the migrations that they came of."""
    known = list(sources)
    return with_migrations(known, await reports.migrations_of(tx, cluster, known))


def license_manager(name: str | None, nodes: Mapping[str, str]) -> LicenseManagerBody:
    """The node in the role, given the addresses of all by name."""
    mac = nodes.get(name) if name else None
    return LicenseManagerBody(node=name if mac else None, mac=mac, status="started" if mac else "none")


def features(pools: Iterable[Pool], phones: PoolState, migrated: Mapping[str, int]) -> list[FeatureUnits]:
    """The pools, what of them migrations grant, and of phone units where they stand on the ladder."""
    shown = [_laddered(pool, phones) if pool.feature == PHONE_UNIT else _feature(pool) for pool in pools]
    return [_with_migrated(feature, migrated) for feature in shown]


def device_types(types: Iterable[counts.ReportedTypes]) -> list[DeviceTypeUnits]:
    return [
        DeviceTypeUnits(device_type=t.device_type, devices=t.devices, units_each=t.units_each, units=t.devices * t.units_each)
        for t in types
    ]


def license_files(sources: Iterable[Source]) -> list[ReportedLicenseFile]:
    return [ReportedLicenseFile.model_validate(file, from_attributes=True) for file in reported(sources)]


def _with_migrated(feature: FeatureUnits, migrated: Mapping[str, int]) -> FeatureUnits:
    return feature.model_copy(update={"migrated_units": migrated.get(feature.feature, 0)})


def _laddered(pool: Pool, phones: PoolState) -> FeatureUnits:
    rung = {"stage": phones.rung.stage, "overdraft_since": phones.rung.since, "stopped": phones.rung.stopped}
    return _feature(pool).model_copy(update={**rung, "overdraft_in_force": phones.overdraft_in_force})


def _feature(pool: Pool) -> FeatureUnits:
    return FeatureUnits.model_validate(pool, from_attributes=True)
