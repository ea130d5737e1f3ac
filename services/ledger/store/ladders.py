"""Where a pool stands on its ladder: the columns of its row, and which pools time has to look at."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, func, or_, select
from sqlmodel import col

from services.ledger.domain.ladder import Policy, Rung, content_of, policy_of
from services.ledger.domain.pool import PHONE_UNIT, Pool
from services.ledger.domain.transitions import PoolState, climb
from services.ledger.tables import PoolRow
from shared.kit.transaction import Transaction

_POOLS = PoolRow.metadata.tables["ledger.pool"]


def state_of(row: PoolRow | Row[Any]) -> PoolState:
    """A pool as it is kept."""
    pool = Pool(row.feature, row.authorized, row.overdraft_allowed, row.used)
    stage: Any = row.overdraft_stage  # one of four: a CHECK says so
    rung = Rung(row.overdraft_since, stage, row.overdraft_stopped)
    return PoolState(pool, row.version, row.limit_approached, policy_of(row.overdraft_policy), rung)


def values_of(state: PoolState) -> dict[str, Any]:
    """Everything that is kept of a pool but its name."""
    return {
        "authorized": state.pool.authorized,
        "overdraft_allowed": state.pool.overdraft_allowed,
        "used": state.pool.used,
        "version": state.version,
        "limit_approached": state.limit_approached,
        "overdraft_policy": content_of(state.policy),
        "overdraft_since": state.rung.since,
        "overdraft_stage": state.rung.stage,
        "overdraft_stopped": state.rung.stopped,
    }


async def phone_pool(tx: Transaction, cluster: str) -> PoolState:
    """The cluster's pool of phone units, read and not locked."""
    chosen = select(_POOLS).where(_POOLS.c.cluster == cluster, _POOLS.c.feature == PHONE_UNIT)
    return state_of((await tx.session.execute(chosen)).one())


async def policies_of(tx: Transaction, clusters: list[str]) -> Mapping[str, Policy]:
    """The overdraft policy of each."""
    chosen = select(col(PoolRow.cluster), col(PoolRow.overdraft_policy)).where(
        col(PoolRow.cluster).in_(clusters), col(PoolRow.feature) == PHONE_UNIT
    )
    return {cluster: policy_of(content) for cluster, content in await tx.session.execute(chosen)}


async def due(tx: Transaction, most: int) -> list[str]:
    """Clusters, at most so many and by name, whose overdraft has lasted for another stage; by the database's clock. Locks nothing."""
    now = (await tx.session.execute(select(func.clock_timestamp()))).scalar_one()
    watched = or_(_POOLS.c.used > _POOLS.c.authorized, _POOLS.c.overdraft_since.is_not(None))
    # Past the ORM: it would show what was read here again, when the rows are read under their lock.
    rows = await tx.session.execute(select(_POOLS).where(_POOLS.c.feature == PHONE_UNIT, watched).order_by(_POOLS.c.cluster))
    return [row.cluster for row in rows if climb(state_of(row), now)[1]][:most]
