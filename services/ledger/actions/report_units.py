"""The License Unit Report, of one cluster and of all."""

from services.ledger.domain.pool import PHONE_UNIT, POOLED, Pool
from services.ledger.domain.report import by_status, sums_of
from services.ledger.domain.transitions import PoolState
from services.ledger.store import ladders, listings, reports
from shared.contracts.bodies.ledger import (
    DeviceTypeUnits,
    EnterpriseUnitReport,
    FeatureUnits,
    LicenseManagerBody,
    ReportedLicenseFile,
    UnitReport,
)
from shared.kit.transaction import Transaction


async def report_units(tx: Transaction, cluster: str) -> UnitReport:
    """Everything of one moment, so that the parts add up. Raises NotFound."""
    await listings.in_one_snapshot(tx)
    found = await listings.find_cluster(tx, cluster)
    manager = next((node for node in found.nodes if node.node == found.row.license_manager), None)
    types = await reports.types_of(tx, cluster)
    phones = await ladders.phone_pool(tx, cluster)
    return UnitReport(
        cluster=cluster,
        product_version=found.row.product_version,
        frozen=found.row.frozen,
        license_manager=LicenseManagerBody(
            node=manager.node if manager else None, mac=manager.mac if manager else None, status="started" if manager else "none"
        ),
        features=[_laddered(pool, phones) for pool in await reports.pools_of(tx, cluster)],
        device_types=[
            DeviceTypeUnits(device_type=t.device_type, devices=t.devices, units_each=t.units_each, units=t.devices * t.units_each)
            for t in types
        ],
        license_files=[ReportedLicenseFile.model_validate(file, from_attributes=True) for file in await reports.files_of(tx, cluster)],
        at=tx.now,
    )


async def report_enterprise_units(tx: Transaction) -> EnterpriseUnitReport:
    """All clusters together."""
    pools = await reports.pools_everywhere(tx)
    phones = [pool for pool in pools if pool.feature == PHONE_UNIT]
    features = [FeatureUnits.model_validate(sums_of(feature, pools), from_attributes=True) for feature in POOLED]
    return EnterpriseUnitReport(clusters=len(phones), features=features, clusters_by_status=by_status(phones), at=tx.now)


def _laddered(pool: Pool, phones: PoolState) -> FeatureUnits:
    """A pool, and of phone units where it stands on the ladder."""
    if pool.feature != PHONE_UNIT:
        return _feature(pool)
    rung = {"stage": phones.rung.stage, "overdraft_since": phones.rung.since, "stopped": phones.rung.stopped}
    return _feature(pool).model_copy(update={**rung, "overdraft_in_force": phones.overdraft_in_force})


def _feature(pool: Pool) -> FeatureUnits:
    return FeatureUnits.model_validate(pool, from_attributes=True)
