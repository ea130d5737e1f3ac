"""When the units of a cluster's pool are gone, if its use goes on as it did."""

from datetime import UTC, date, timedelta
from fractions import Fraction

from services.ledger.domain.forecast import CONFIDENCE, NEEDED_DAYS, WINDOW_DAYS, Days, Trend, every_day, forecast
from services.ledger.store import history, listings, reports
from shared.contracts.bodies.demand import DaysLeft, Forecast, ForecastHistory, Growth
from shared.kit.transaction import Transaction


async def forecast_units(tx: Transaction, cluster: str, feature: str) -> Forecast:
    """From whole days of history, and the pool as it is now. Raises NotFound."""
    await listings.in_one_snapshot(tx)
    await listings.cluster_row(tx, cluster)
    (pool,) = [pool for pool in await reports.pools_of(tx, cluster) if pool.feature == feature]
    direct = await tx.direct()
    until = await history.whole_until(direct, cluster)
    used: list[int] = []
    known: ForecastHistory | None = None
    if until is not None:
        last = until.astimezone(UTC).date() - timedelta(days=1)
        closing = await history.used_of(direct, cluster, feature, last, WINDOW_DAYS)
        if closing:
            first = max(min(closing), last - timedelta(days=WINDOW_DAYS - 1))
            used = every_day(closing, first, last)
            known = _history(first, last, len(used))
    found = forecast(pool, used)
    left = found.until_used_up
    return Forecast(
        cluster=cluster,
        feature=feature,
        outcome=found.outcome,
        days_left=_days(left.left) if left else None,
        low=_days(left.low) if left else None,
        high=_days(left.high) if left else None,
        until_overdraft=_left(found.until_overdraft),
        free=pool.free,
        growth_per_day=_growth(found.trend),
        confidence=CONFIDENCE,
        history=known,
        needed_days=NEEDED_DAYS,
        at=tx.now,
    )


def _history(first: date, last: date, days: int) -> ForecastHistory:
    return ForecastHistory(first_day=first, last_day=last, days=days)


def _left(days: Days | None) -> DaysLeft | None:
    return DaysLeft(days_left=_days(days.left), low=_days(days.low), high=_days(days.high)) if days else None


def _growth(trend: Trend | None) -> Growth | None:
    return Growth(median=float(trend.slope), low=float(trend.low), high=float(trend.high)) if trend else None


def _days(number: Fraction | None) -> float | None:
    return None if number is None else round(float(number), 1)
