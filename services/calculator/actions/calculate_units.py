"""The what-if, against the catalogue and, where a cluster is named, against its pool."""

from services.calculator import store
from services.calculator.clients import Ledger
from services.calculator.domain.calculation import after, calculate
from shared.contracts.bodies.calculator import CalculationLine, NewUnitCalculation, PoolAfter, UnitCalculation
from shared.kit.transaction import Transaction


async def calculate_units(tx: Transaction, ledger: Ledger, wanted: NewUnitCalculation) -> UnitCalculation:
    """Raises UnknownDeviceType, NotFound (the cluster), UpstreamUnavailable."""
    pool = await ledger.phone_units_of(wanted.cluster) if wanted.cluster is not None else None
    counts = [(device.device_type, device.count) for device in wanted.devices]
    lines = calculate(await store.prices(tx, [name for name, _ in counts]), counts)
    total = sum(line.units for line in lines)
    left = after(pool.authorized, pool.overdraft_allowed, pool.used, total) if pool else None
    return UnitCalculation(
        lines=[CalculationLine(device_type=x.device_type, units_each=x.units_each, count=x.count, units=x.units) for x in lines],
        total_units=total,
        total_nodes=wanted.nodes,
        after=PoolAfter(remaining=left.remaining, overdraft=left.overdraft, status=left.status) if left else None,
    )
