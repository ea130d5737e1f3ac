"""The License Unit Report, of one cluster and of all."""

from typing import Any

from sqlalchemy import Row

from services.ledger.domain.pool import PHONE_UNIT, POOLED, Pool
from services.ledger.domain.report import by_status, sums_of
from services.ledger.store import listings, reports
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
    await reports.in_one_snapshot(tx)
    found = await listings.find_cluster(tx, cluster)
    manager = next((node for node in found.nodes if node.node == found.row.license_manager), None)
    types = await reports.types_of(tx, cluster)
    return UnitReport(
        cluster=cluster,
        product_version=found.row.product_version,
        frozen=found.row.frozen,
        license_manager=LicenseManagerBody(
            node=manager.node if manager else None, mac=manager.mac if manager else None, status="started" if manager else "none"
        ),
        features=[_feature(pool) for pool in await reports.pools_of(tx, cluster)],
        device_types=[
            DeviceTypeUnits(device_type=t.device_type, devices=t.devices, units_each=t.units_each, units=t.devices * t.units_each)
            for t in types
        ],
        license_files=[_file(row) for row in await reports.files_of(tx, cluster)],
        at=tx.now,
    )


async def report_enterprise_units(tx: Transaction) -> EnterpriseUnitReport:
    """All clusters together."""
    pools = await reports.pools_everywhere(tx)
    phones = [pool for pool in pools if pool.feature == PHONE_UNIT]
    features = [FeatureUnits.model_validate(sums_of(feature, pools), from_attributes=True) for feature in POOLED]
    return EnterpriseUnitReport(clusters=len(phones), features=features, clusters_by_status=by_status(phones), at=tx.now)


def _feature(pool: Pool) -> FeatureUnits:
    return FeatureUnits.model_validate(pool, from_attributes=True)


def _file(row: Row[Any]) -> ReportedLicenseFile:
    """What grants is counted; a source that grants nothing any more shows what it held."""
    counted = "granted" if row.granted else "all"
    nodes, units, overdraft = (int(getattr(row, f"{counted}_{of}") or 0) for of in ("nodes", "units", "overdraft"))
    return ReportedLicenseFile(
        license_file_id=row.license_file_id,
        state=row.state,
        granted=row.granted,
        nodes=nodes,
        units=units,
        overdraft_units=overdraft,
        grace_ends_at=row.grace_ends_at,
    )
