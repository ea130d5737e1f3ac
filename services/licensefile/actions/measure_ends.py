"""The figures of a scrape: how near the next end of a cluster's license files is, read when somebody looks."""

from services.licensefile import store
from services.licensefile.domain.warning import days_left
from shared.kit.database import Database
from shared.kit.metrics import Metrics, Refresh


def measure_ends(database: Database, metrics: Metrics) -> Refresh:
    """What to do before each scrape."""
    left = metrics.gauge(
        "license_file_days_left",
        "Days until the first granting license file of a cluster expires, or its first grace ends; 0 on the day itself.",
        ("cluster", "ending"),
    )

    async def refresh() -> None:
        now = database.clock.now()
        rows = await store.next_ends(database.engine)
        left.clear()  # an end that was averted must not stay
        for cluster, expires_on, grace_ends_at in rows:
            if expires_on is not None:
                left.labels(cluster, "expiry").set((expires_on - now.date()).days)
            if grace_ends_at is not None:
                left.labels(cluster, "grace").set(days_left(grace_ends_at, now))

    return refresh
