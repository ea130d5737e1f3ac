"""The figures of a scrape: when a cluster's license files come to their next end, read when somebody looks."""

from datetime import UTC, datetime, time, timedelta

from services.licensefile import store
from shared.kit.database import Database
from shared.kit.metrics import Metrics, Refresh

_DAY = timedelta(days=1)


def measure_ends(database: Database, metrics: Metrics) -> Refresh:
    """What to do before each scrape."""
    ends = metrics.gauge(
        "license_file_end_timestamp_seconds",
        "When the first granting license file of a cluster expires, or its first grace ends, in seconds of Unix time.",
        ("cluster", "ending"),
    )

    async def refresh() -> None:
        rows = await store.next_ends(database.engine)
        ends.clear()  # an end that was averted must not stay
        for cluster, last_day, grace_ends_at in rows:
            if last_day is not None:  # it ends with the day; in seconds since the epoch no calendar is too short for that
                ends.labels(cluster, "expiry").set(datetime.combine(last_day, time.min, UTC).timestamp() + _DAY.total_seconds())
            if grace_ends_at is not None:
                ends.labels(cluster, "grace").set(grace_ends_at.timestamp())

    return refresh
