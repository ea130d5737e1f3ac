"""What the journal tells of an instant that is over, in SQL; and what is kept that must agree with it.

The entry of an instant is found by halving, for a cluster's entries are numbered without a gap and dated in their order: no index
by time, which every check-out would pay for. Balances are one row each; devices by type are summed over all entries up to it, some
0.3 s for each million on one processor.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.ledger.domain.journal import Entry
from services.ledger.domain.past import Past
from services.ledger.domain.pool import POOLED, Pool
from services.ledger.domain.proof import Kept, Types
from services.ledger.store import counts, ladders, listings, network_services, reports
from services.ledger.store.counts import ReportedTypes
from services.ledger.store.journal import ALL_COLUMNS
from shared.kit.direct import Direct
from shared.kit.transaction import Transaction

_LATEST = "SELECT greatest(now(), at) FROM journal_head WHERE cluster = $1"
_INSTANT = """
    WITH RECURSIVE search(low, high) AS (
        SELECT 0::bigint, sequence FROM journal_head WHERE cluster = $1
         UNION ALL
        SELECT CASE WHEN at <= $2 THEN sequence ELSE low END, CASE WHEN at <= $2 THEN high ELSE sequence - 1 END
          FROM search JOIN journal_entry ON cluster = $1 AND sequence = (low + high + 1) / 2
         WHERE low < high
    )
    SELECT sequence, hash FROM journal_entry WHERE cluster = $1 AND sequence = (SELECT low FROM search WHERE low = high)
"""
_NO_DEVICE = "device_type IS NULL AND device_type_before IS NULL"  # as the index ``journal_entry_of_no_device`` has it
_BALANCE = {
    "PHONE_UNIT": """
        SELECT authorized, overdraft_allowed, used FROM journal_entry
         WHERE cluster = $1 AND sequence <= $2 AND feature = 'PHONE_UNIT' ORDER BY sequence DESC LIMIT 1
    """,
    "CCM_NODE": f"""
        SELECT authorized, overdraft_allowed, used FROM journal_entry
         WHERE cluster = $1 AND sequence <= $2 AND feature = 'CCM_NODE' AND {_NO_DEVICE} ORDER BY sequence DESC LIMIT 1
    """,  # noqa: S608 -- a constant
}
# Of the cluster, of each source and of each node the last entry that says something.
_FACTS = f"""
    SELECT DISTINCT ON (told, subject) {ALL_COLUMNS},
           CASE WHEN kind IN ('cluster', 'license_file', 'ladder', 'service') THEN kind ELSE 'node' END AS told
      FROM journal_entry
     WHERE cluster = $1 AND sequence <= $2 AND {_NO_DEVICE}
       AND (kind IN ('cluster', 'license_file', 'ladder', 'service', 'node') OR units IS NOT NULL OR units_before IS NOT NULL)
     ORDER BY told, subject, sequence DESC
"""  # noqa: S608 -- constants
_TYPES = """
    WITH moved AS (
        SELECT device_type_before, units_before, device_type, units, count(*) AS times FROM journal_entry
         WHERE cluster = $1 AND sequence <= $2 GROUP BY 1, 2, 3, 4
    ), change(device_type, units, times) AS (
        SELECT device_type, units, times FROM moved UNION ALL SELECT device_type_before, units_before, -times FROM moved
    )
    SELECT device_type, sum(times)::bigint, units FROM change WHERE device_type IS NOT NULL
     GROUP BY device_type, units HAVING sum(times) <> 0 ORDER BY device_type, units
"""


@dataclass(frozen=True, slots=True)
class Instant:
    """The last entry at some moment: its number and hash."""

    sequence: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash.hex()}"


async def latest(direct: Direct, cluster: str) -> datetime:
    """The moment of this transaction's snapshot: nothing in it is dated later."""
    row = await direct.row(_LATEST, cluster)
    assert row is not None
    found: datetime = row[0]
    return found


async def find_instant(direct: Direct, cluster: str, at: datetime) -> Instant | None:
    """None before the first entry."""
    row = await direct.row(_INSTANT, cluster, at)
    return Instant(*row) if row else None


async def pools_at(direct: Direct, cluster: str, sequence: int) -> list[Pool]:
    """Balances after an entry, by feature."""
    rows = [(feature, await direct.row(_BALANCE[feature], cluster, sequence)) for feature in POOLED]
    return [Pool(feature, *(row or ())) for feature, row in rows]


async def types_at(direct: Direct, cluster: str, sequence: int) -> list[ReportedTypes]:
    """Devices by type and price after an entry, by name."""
    return [ReportedTypes(*row) for row in await direct.rows(_TYPES, cluster, sequence)]


async def facts_at(direct: Direct, cluster: str, sequence: int) -> Past:
    """The cluster after an entry, but for its devices."""
    past = Past()
    for row in await direct.rows(_FACTS, cluster, sequence):
        entry = Entry(*row[:-1])
        assert past.take(entry), f"entry {entry.sequence} of {cluster} cannot be read"
    return past


async def kept(tx: Transaction, cluster: str) -> Kept:
    """What the ledger decides by."""
    found = await listings.find_cluster(tx, cluster)
    phones = await ladders.phone_pool(tx, cluster)
    return Kept(
        product_version=found.row.product_version,
        frozen=found.row.frozen,
        license_manager=found.row.license_manager,
        service=network_services.service_of(found.row),
        pools={pool.feature: (pool.authorized, pool.overdraft_allowed, pool.used) for pool in await reports.pools_of(tx, cluster)},
        nodes={node.node: node.mac for node in found.nodes},
        overdraft_policy=phones.policy,
        rung=phones.rung,
        sources={source.subject: source for source in await reports.sources_of(tx, cluster)},
        devices=by_type(await counts.counted(tx, cluster)),
        counts=by_type(await counts.kept(tx, cluster)),
    )


def by_type(types: Iterable[ReportedTypes]) -> Types:
    """The same, to be compared."""
    return {(each.device_type, each.units_each): each.devices for each in types}
