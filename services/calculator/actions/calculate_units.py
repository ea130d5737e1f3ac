"""The what-if, against the catalogue and, where a cluster is named, against its pool."""

from services.calculator import store
from services.calculator.clients import Ledger
from services.calculator.domain.calculation import after, calculate, days_left
from shared.contracts.bodies.calculator import CalculationLine, NewUnitCalculation, PoolAfter, UnitCalculation
from shared.contracts.bodies.demand import Forecast
from shared.contracts.bodies.ledger import FeatureUnits
from shared.kit.transaction import Transaction


async def calculate_units(tx: Transaction, ledger: Ledger, wanted: NewUnitCalculation) -> UnitCalculation:
    """Raises UnknownDeviceType, NotFound (the cluster), UpstreamUnavailable."""
    asked = await _ask(ledger, wanted.cluster) if wanted.cluster is not None else None
    counts = [(device.device_type, device.count) for device in wanted.devices]
    lines = calculate(await store.prices(tx, [name for name, _ in counts]), counts)
    total = sum(line.units for line in lines)
    return UnitCalculation(
        lines=[CalculationLine(device_type=x.device_type, units_each=x.units_each, count=x.count, units=x.units) for x in lines],
        total_units=total,
        total_nodes=wanted.nodes,
        after=_after(*asked, total) if asked else None,
    )


async def _ask(ledger: Ledger, cluster: str) -> tuple[FeatureUnits, Forecast]:
    return await ledger.phone_units_of(cluster), await ledger.forecast_of(cluster)


def _after(pool: FeatureUnits, forecast: Forecast, more: int) -> PoolAfter:
    left = after(pool.authorized, pool.overdraft_allowed, pool.used, more)
    growth = forecast.growth_per_day.median if forecast.growth_per_day else None
    before = pool.authorized + pool.overdraft_allowed - pool.used
    return PoolAfter(
        remaining=left.remaining,
        overdraft=left.overdraft,
        status=left.status,
        forecast=forecast.outcome,
        days_left_before=days_left(before, growth),
        days_left=days_left(before - more, growth),
    )
