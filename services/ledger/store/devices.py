"""Check-outs and check-ins in SQL, on the driver: however many devices, lock the pool, load the desk, write, publish.

Must not be broken: the pool is locked by a statement of its own, for what a statement reads is as old as its beginning; and the head of
the journal is read after it, because whoever changes a cluster's units holds that pool.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

from services.ledger.domain.cluster import major_of
from services.ledger.domain.devices import Desk, Holding, Price, Provisioning
from services.ledger.domain.journal import COLUMNS, Head, Pen
from services.ledger.domain.ladder import Rung, policy_of
from services.ledger.domain.pool import PHONE_UNIT, Pool
from services.ledger.domain.refusals import CatalogueMissing
from services.ledger.domain.transitions import PoolState
from services.ledger.store.journal import MANY, appending, columns_of
from shared.kit.direct import Direct, DirectTransaction, telling
from shared.kit.problems import NotFound
from shared.kit.transaction import Transaction

_LOCK = """
    SELECT authorized, overdraft_allowed, used, version, limit_approached,
           overdraft_policy, overdraft_since, overdraft_stage, overdraft_stopped
      FROM pool WHERE cluster = $1 AND feature = 'PHONE_UNIT' FOR NO KEY UPDATE
"""

_LOAD = """
    WITH concerned AS MATERIALIZED (
        SELECT device, device_type, units, adjunct_of, device_class FROM device
         WHERE cluster = $1 AND device = ANY($2::text[])
         UNION
        SELECT device, device_type, units, adjunct_of, device_class FROM device
         WHERE cluster = $1 AND adjunct_of = ANY($2::text[])
    ), rated AS (
        SELECT device_type, units, adjunct_units FROM device_type
         WHERE device_type = ANY($3::text[]) OR device_type IN (SELECT device_type FROM concerned)
    ), held AS (
        SELECT device_type, count(*) AS devices FROM device
         WHERE cluster = $1 AND device_type = ANY($3::text[]) GROUP BY device_type
    ), covered AS (
        SELECT device_type, count AS devices FROM migration_type
         WHERE cluster = $1 AND device_type = ANY($3::text[])
    )
    SELECT c.product_version, c.software_major, c.frozen,
           EXISTS (SELECT FROM catalogue) AS priced,
           (SELECT json_agg(json_build_array(device, device_type, units, adjunct_of, device_class)) FROM concerned) AS holdings,
           (SELECT json_agg(json_build_array(device_type, units, adjunct_units)) FROM rated) AS prices,
           CASE WHEN c.frozen THEN (SELECT json_object_agg(device_type, devices) FROM covered) END AS covered,
           CASE WHEN c.frozen THEN (SELECT json_object_agg(device_type, devices) FROM held) END AS held,
           CASE WHEN $4 OR EXISTS (SELECT FROM concerned WHERE device_class <> 'ordinary')
                THEN (SELECT sum(units)::bigint FROM device WHERE cluster = $1 AND device_class <> 'ordinary') END AS exempt_used,
           h.sequence, h.hash, h.at, greatest(clock_timestamp(), h.at) AS now
      FROM cluster AS c JOIN journal_head AS h USING (cluster) WHERE c.cluster = $1
"""

_ENTRIES_FROM = 17
_WRITE = f"""
    WITH removed AS (DELETE FROM device WHERE cluster = $1 AND device = ANY($8::text[])),
    written AS (
        INSERT INTO device (cluster, device, device_type, units, adjunct_of, device_class, checked_out_at)
        SELECT $1, wanted.*, $7::timestamptz
          FROM unnest($9::text[], $10::text[], $11::bigint[], $12::text[], $13::text[]) AS wanted
            ON CONFLICT (cluster, device) DO UPDATE
           SET device_type = excluded.device_type, units = excluded.units, adjunct_of = excluded.adjunct_of,
               device_class = excluded.device_class
    ),
    headed AS (UPDATE journal_head SET sequence = $5, hash = $6, at = $7 WHERE cluster = $1),
    appended AS ({appending(_ENTRIES_FROM)}),
    told AS ({telling(_ENTRIES_FROM + len(COLUMNS))})
    UPDATE pool SET used = $2, version = $3, limit_approached = $4,
                    overdraft_since = $14, overdraft_stage = $15, overdraft_stopped = $16
     WHERE cluster = $1 AND feature = 'PHONE_UNIT'
"""  # noqa: S608 -- constants
_DEVICE_COLUMNS = ("cluster", "device", "device_type", "units", "adjunct_of", "device_class", "checked_out_at")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What decides about some commands, and the pen for what they change; its moment is the database's, after the lock."""

    state: PoolState
    desk: Desk
    pen: Pen


async def lock_pool(direct: Direct, cluster: str) -> PoolState:
    """The cluster's PHONE_UNIT pool, ours until the commit. Raises NotFound."""
    row = await direct.row(_LOCK, cluster)
    if row is None:
        raise NotFound("cluster", cluster)
    authorized, allowed, used, version, approached, policy, *rung = row
    return PoolState(Pool(PHONE_UNIT, authorized, allowed, used), version, approached, policy_of(policy), Rung(*rung))


async def load(direct: Direct, cluster: str, names: Iterable[str], types: Iterable[str], *, exempt: bool = False) -> Loaded:
    """The devices of ``names``, those that point to them, the prices; the pool locked. Raises NotFound.

    ``exempt``: what exempt devices hold is wanted although none of them is exempt yet.
    """
    state = await lock_pool(direct, cluster)
    row = await direct.row(_LOAD, cluster, list(names), list(types), exempt)
    assert row is not None
    version, software_major, frozen, priced, holdings, prices, covered, held, exempt_used, sequence, hashed, at, now = row
    provisioning = Provisioning(major_of(version), software_major, frozen, covered or {}, held or {})
    known = {holding[0]: Holding(*holding) for holding in holdings or ()}
    rated = {name: Price(units, adjunct) for name, units, adjunct in prices or ()} if priced else None
    desk = Desk(state.pool, known, rated, provisioning, state.ladder(now), exempt_used or 0)
    return Loaded(state, desk, Pen(cluster, Head(sequence, hashed, at), now))


async def write(direct: DirectTransaction, state: PoolState, pen: Pen, before: Mapping[str, Holding], after: Mapping[str, Holding]) -> None:
    """Store the difference between two states of a desk, the pool that results, the entries about it and what was published.

    A device keeps the time of its first check-out.
    """
    cluster = pen.cluster
    gone = [name for name in before if name not in after]
    put = [holding for name, holding in after.items() if before.get(name) is not holding]
    entries = pen.entries
    if len(entries) >= MANY:
        new = [(cluster, h.device, h.device_type, h.units, h.adjunct_of, h.device_class, pen.at) for h in put if h.device not in before]
        put = [h for h in put if h.device in before]
        await direct.copy("device", _DEVICE_COLUMNS, new)
        await direct.copy("journal_entry", COLUMNS, entries)
        entries = []
    devices = [
        *([h.device for h in put], [h.device_type for h in put], [h.units for h in put]),
        *([h.adjunct_of for h in put], [h.device_class for h in put]),
    ]
    rung = (state.rung.since, state.rung.stage, state.rung.stopped)
    pool = (state.pool.used, state.version, state.limit_approached)
    head = (pen.head.sequence, pen.head.hash, pen.at)
    await direct.execute(_WRITE, cluster, *pool, *head, gone, *devices, *rung, *columns_of(entries), *direct.to_tell())


async def count(tx: Transaction, cluster: str) -> int:
    """How many devices the cluster has."""
    statement = text("SELECT count(*) FROM device WHERE cluster = :cluster")
    return int((await tx.session.execute(statement, {"cluster": cluster})).scalar_one())


async def prices_of(tx: Transaction, types: Sequence[str]) -> Mapping[str, int]:
    """Units of those ``types`` that stand in the catalogue. Raises CatalogueMissing."""
    statement = text("""
        SELECT EXISTS (SELECT FROM catalogue) AS priced,
               (SELECT jsonb_object_agg(device_type, units) FROM device_type WHERE device_type = ANY(CAST(:types AS text[]))) AS prices
    """).columns(prices=JSONB)
    row = (await tx.session.execute(statement, {"types": list(types)})).one()
    if not row.priced:
        raise CatalogueMissing
    return dict(row.prices or {})
