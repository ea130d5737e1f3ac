"""The daily balances of pools, kept from the journal.

A day has a row where something happened on it. ``history_mark`` says up to which entry a journal was read, and up to which moment
that is all there was: so a pause of the clock loses nothing, and no day counts as whole before its last entry was read.
"""

from datetime import date, datetime, timedelta

from sqlalchemy import text

from shared.kit.direct import Direct
from shared.kit.transaction import Transaction

ENTRIES_AT_ONCE = 100_000
_MOST_PORTIONS = 50

_HEADS = text("""
    SELECT h.cluster, coalesce(m.sequence, 0) AS read_to, h.sequence AS head
      FROM journal_head AS h LEFT JOIN history_mark AS m USING (cluster) ORDER BY h.cluster
""")
# What is being committed has its time already: a minute later it is there, or never will be.
_NOW = text("SELECT clock_timestamp() - interval '1 minute'")
_KEEP = text("""
    INSERT INTO pool_day (cluster, feature, day, authorized, overdraft_allowed, used)
    SELECT DISTINCT ON (feature, day) :cluster, feature, (at AT TIME ZONE 'UTC')::date AS day, authorized, overdraft_allowed, used
      FROM journal_entry WHERE cluster = :cluster AND sequence > :after AND sequence <= :upto
     ORDER BY feature, day, sequence DESC
        ON CONFLICT (cluster, feature, day) DO UPDATE
       SET authorized = excluded.authorized, overdraft_allowed = excluded.overdraft_allowed, used = excluded.used
""")
_MARK = text("""
    INSERT INTO history_mark AS known (cluster, sequence, whole_until) VALUES (:cluster, :upto, :whole_until)
        ON CONFLICT (cluster) DO UPDATE SET sequence = excluded.sequence, whole_until = coalesce(excluded.whole_until, known.whole_until)
""")

_DAYS = """
    SELECT day, used FROM pool_day WHERE cluster = $1 AND feature = $2 AND day <= $4
       AND day >= coalesce((SELECT max(day) FROM pool_day WHERE cluster = $1 AND feature = $2 AND day <= $3), $3) ORDER BY day
"""
_SINCE = "SELECT whole_until FROM history_mark WHERE cluster = $1"


async def keep(tx: Transaction, entries_at_once: int = ENTRIES_AT_ONCE) -> None:
    """Read on in every journal."""
    until = (await tx.session.execute(_NOW)).scalar_one()
    for cluster, read_to, head in (await tx.session.execute(_HEADS)).all():
        after = read_to
        for _ in range(_MOST_PORTIONS):
            if after == head:
                break
            upto = min(head, after + entries_at_once)
            await tx.session.execute(_KEEP, {"cluster": cluster, "after": after, "upto": upto})
            after = upto
        await tx.session.execute(_MARK, {"cluster": cluster, "upto": after, "whole_until": until if after == head else None})


async def whole_until(direct: Direct, cluster: str) -> datetime | None:
    """Up to when the history is whole; None before it was kept."""
    row = await direct.row(_SINCE, cluster)
    return row["whole_until"] if row else None


async def used_of(direct: Direct, cluster: str, feature: str, last: date, days: int) -> dict[date, int]:
    """Units used at the end of days on which something happened: of the ``days`` up to ``last``, and of the one that was before them."""
    rows = await direct.rows(_DAYS, cluster, feature, last - timedelta(days=days - 1), last)
    return {row["day"]: row["used"] for row in rows}
