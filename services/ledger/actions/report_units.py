"""The License Unit Report, of one cluster and of all."""

from dataclasses import asdict

from services.ledger.domain.pool import PHONE_UNIT, POOLED, Pool
from services.ledger.domain.report import by_status, sums_of
from services.ledger.store import demand, listings, reports
from shared.contracts.bodies.demand import UnmetDemand
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
        license_files=[ReportedLicenseFile.model_validate(file, from_attributes=True) for file in await reports.files_of(tx, cluster)],
        unmet_demand=[UnmetDemand.model_validate(asdict(one)) for one in await demand.open_demand(await tx.direct(), cluster)],
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
