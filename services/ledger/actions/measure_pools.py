"""The figures of a scrape: every pool, read in one statement when somebody looks."""

from services.ledger.store import reports
from shared.kit.database import Database
from shared.kit.metrics import Metrics, Refresh

_LABELS = ("cluster", "feature")


def measure_pools(database: Database, metrics: Metrics) -> Refresh:
    """What to do before each scrape."""
    authorized = metrics.gauge("license_units_authorized", "Units (for CCM_NODE: nodes) that license files grant.", _LABELS)
    allowed = metrics.gauge("license_units_overdraft_allowed", "Units that may be used beyond what is authorized.", _LABELS)
    used = metrics.gauge("license_units_used", "Units that devices, or nodes, hold.", _LABELS)
    started = metrics.gauge("license_manager_started", "1 while the license manager is started, 0 while it is stopped.", ("cluster",))

    async def refresh() -> None:
        rows = await reports.figures_in(database.engine)
        for gauge in (authorized, allowed, used, started):
            gauge.clear()  # a cluster that is gone must not stay at its last figure
        for row in rows:
            authorized.labels(row.cluster, row.feature).set(row.authorized)
            allowed.labels(row.cluster, row.feature).set(row.overdraft_allowed)
            used.labels(row.cluster, row.feature).set(row.used)
            started.labels(row.cluster).set(0 if row.service_stopped else 1)

    return refresh
