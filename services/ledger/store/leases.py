"""Leases and signs of life in SQL: the clock of the leases, what has lapsed, what was heard.

Leases of a cluster whose license manager is stopped pause: nothing lapses meanwhile, and afterwards every lease of the cluster begins
anew, as ``runs_from`` has all of them do. That stands in ``LAPSED`` and in ``LeaseClock.of_cluster``, and nowhere else.

Must not be broken: whoever renews holds the cluster's PHONE_UNIT pool.
"""

from collections.abc import Mapping
from datetime import datetime

from services.ledger.domain.leases import LeaseClock
from services.ledger.store.network_services import service_of
from services.ledger.tables import ClusterRow, LeaseClockRow
from shared.kit.direct import Direct
from shared.kit.transaction import Transaction

LAPSED = (
    "coalesce(NOT service_stopped AND lease_ends_at <= ticked_at"
    " AND greatest(runs_from, service_since) + lease_seconds * interval '1 second' <= ticked_at, false)"
)
"""Of a device beside its cluster's row and that of lease_clock: has its lease lapsed?"""

UNNOTED = "seen_at < clock_timestamp() - interval '5 minutes'"
"""Of a device: is it so long since its last sign of life was noted that another one is worth a write?"""

_RENEW = """
    UPDATE device AS d
       SET lease_seconds = heard.lease_seconds, seen_at = $2,
           lease_ends_at = $2::timestamptz + heard.lease_seconds * interval '1 second'
      FROM unnest($3::text[], $4::bigint[]) AS heard (device, lease_seconds) WHERE d.cluster = $1 AND d.device = heard.device
"""
_FIND = f"""
    SELECT cluster, device FROM cluster CROSS JOIN lease_clock CROSS JOIN LATERAL (
        SELECT device FROM device AS d
         WHERE d.cluster = cluster.cluster AND lease_ends_at <= ticked_at AND {LAPSED} ORDER BY lease_ends_at LIMIT $1
    ) AS lapsed
"""  # noqa: S608 -- constants


async def clock_of(tx: Transaction, cluster: str) -> LeaseClock:
    """As of the last tick, for a cluster that exists."""
    row = await tx.session.get_one(LeaseClockRow, 1)
    return LeaseClock(row.ticked_at, row.runs_from).of_cluster(service_of(await tx.session.get_one(ClusterRow, cluster)))


async def lock_clock(direct: Direct) -> tuple[LeaseClock, datetime]:
    """The clock, ours until the commit, and the database's time."""
    row = await direct.row("SELECT ticked_at, runs_from, clock_timestamp() AS now FROM lease_clock FOR UPDATE")
    assert row is not None
    return LeaseClock(row["ticked_at"], row["runs_from"]), row["now"]


async def set_clock(direct: Direct, clock: LeaseClock) -> None:
    await direct.execute("UPDATE lease_clock SET ticked_at = $1, runs_from = $2", clock.ticked_at, clock.runs_from)


async def find_lapsed(direct: Direct, most: int) -> dict[str, list[str]]:
    """For each cluster up to ``most`` devices whose leases have lapsed, the longest ago first."""
    found: dict[str, list[str]] = {}
    for cluster, device in await direct.rows(_FIND, most):
        found.setdefault(cluster, []).append(device)
    return found


async def renew(direct: Direct, cluster: str, at: datetime, heard: Mapping[str, int | None]) -> None:
    """Each of these devices was heard at ``at``, and has the lease (seconds) that is given for it from then on."""
    await direct.execute(_RENEW, cluster, at, list(heard), list(heard.values()))
