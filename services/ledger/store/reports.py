"""Sums for reports and metrics."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from services.ledger.domain.past import GrantedLine, Source
from services.ledger.domain.pool import Pool
from services.ledger.tables import PoolRow
from shared.kit.transaction import Transaction

_SOURCES = text("""
    WITH file AS (SELECT * FROM license_file WHERE cluster = :cluster), line AS (SELECT * FROM grant_line WHERE cluster = :cluster)
    SELECT coalesce(license_file_id, source) AS subject, file.state, file.installed_at, file.grace_ends_at,
           line_id, feature, units, overdraft_units, line.granting
      FROM file FULL JOIN line USING (license_file_id)
     ORDER BY 1, line_id
""")


async def pools_of(tx: Transaction, cluster: str) -> list[Pool]:
    """The cluster's pools, by feature."""
    rows = await tx.session.scalars(select(PoolRow).where(col(PoolRow.cluster) == cluster).order_by(col(PoolRow.feature)))
    return [Pool(row.feature, row.authorized, row.overdraft_allowed, row.used) for row in rows]


async def sources_of(tx: Transaction, cluster: str) -> list[Source]:
    """What the cluster's units come from, with every line; also files that were only heard of."""
    found: list[Source] = []
    for (subject, *facts), rows in groupby(await tx.session.execute(_SOURCES, {"cluster": cluster}), lambda row: tuple(row[:4])):
        found.append(Source(subject, facts[0], tuple(GrantedLine(*row[4:]) for row in rows if row.line_id is not None), *facts[1:]))
    return found


_MIGRATIONS = text("""
    SELECT license_file_id, migration_id FROM license_file WHERE migration_id IS NOT NULL AND license_file_id = ANY(:subjects)
     UNION ALL
    SELECT 'migration', migration_id FROM cluster WHERE migration_id IS NOT NULL AND cluster = :cluster
""")
_MIGRATED = text("""
    SELECT feature, sum(units)::bigint AS units FROM grant_line LEFT JOIN license_file USING (license_file_id)
     WHERE grant_line.granting AND (source = 'migration' OR migration_id IS NOT NULL) GROUP BY feature
""")


async def migrations_of(tx: Transaction, cluster: str, sources: Iterable[Source]) -> dict[str, str]:
    """The migration that each source covers free of charge, by subject: that of a file never changes, nor does that of a cluster."""
    asked = {"cluster": cluster, "subjects": [source.subject for source in sources]}
    return {row.license_file_id: row.migration_id for row in await tx.session.execute(_MIGRATIONS, asked)}


async def migrated_everywhere(tx: Transaction) -> dict[str, int]:
    """What migrations grant in all clusters, by feature."""
    return {row.feature: row.units for row in await tx.session.execute(_MIGRATED)}


async def pools_everywhere(tx: Transaction) -> list[Pool]:
    """Every pool of every cluster."""
    rows = await tx.session.execute(
        select(col(PoolRow.feature), col(PoolRow.authorized), col(PoolRow.overdraft_allowed), col(PoolRow.used)).order_by(
            col(PoolRow.feature)
        )
    )
    return [Pool(*row) for row in rows]


async def figures_in(engine: AsyncEngine) -> Sequence[Row[str, str, int, int, int]]:
    """Every pool's cluster, feature and units, in one statement."""
    async with engine.connect() as connection:
        asked = select(
            col(PoolRow.cluster), col(PoolRow.feature), col(PoolRow.authorized), col(PoolRow.overdraft_allowed), col(PoolRow.used)
        )
        return (await connection.execute(asked)).all()
