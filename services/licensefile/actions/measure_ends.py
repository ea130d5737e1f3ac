"""The figures of a scrape: how near the next end of a cluster's license files is, read when somebody looks."""

from services.licensefile import store
from services.licensefile.domain.warning import days_left
from shared.kit.database import Database
from shared.kit.metrics import Metrics, Refresh


def measure_ends(database: Database, metrics: Metrics) -> Refresh:
    """What to do before each scrape."""
    expiry = metrics.gauge(
        "license_file_expiry_days", "Days until the first granting license file expires, 0 on its last day.", ("cluster",)
    )
    grace = metrics.gauge("license_file_grace_days", "Days until the first grace of a license file that does not fit ends.", ("cluster",))

    async def refresh() -> None:
        now = database.clock.now()
        rows = await store.next_ends(database.engine)
        for gauge in (expiry, grace):
            gauge.clear()  # an end that was averted must not stay
        for cluster, expires_on, grace_ends_at in rows:
            if expires_on is not None:
                expiry.labels(cluster).set((expires_on - now.date()).days)
            if grace_ends_at is not None:
                grace.labels(cluster).set(days_left(grace_ends_at, now))

    return refresh
