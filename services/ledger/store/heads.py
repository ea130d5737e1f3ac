"""Which heads were published, in SQL."""

from services.ledger.domain.journal import Head
from shared.kit.direct import Direct

_MOVED = """
    SELECT h.cluster, h.sequence, h.hash, h.at FROM journal_head AS h LEFT JOIN published_head AS p USING (cluster)
     WHERE h.sequence > 0 AND (h.sequence, h.hash) IS DISTINCT FROM (p.sequence, p.hash) ORDER BY h.cluster
"""
_NOTE = """
    INSERT INTO published_head (cluster, sequence, hash) SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[])
        ON CONFLICT (cluster) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash
"""


async def take_moved(direct: Direct) -> list[tuple[str, Head]]:
    """By cluster the heads that were not published yet; from now on they are."""
    rows = await direct.rows(_MOVED)
    if rows:
        await direct.execute(_NOTE, *([row[at] for row in rows] for at in range(3)))
    return [(row[0], Head(*row[1:])) for row in rows]
