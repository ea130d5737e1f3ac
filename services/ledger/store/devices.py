"""Check-outs and check-ins in SQL, on the driver: two statements however many devices, load the desk and write what became of it.

What is written stands only if the journal's head is still the one that was loaded: every change of a cluster writes an entry, so
nothing that was decided upon has changed. Whoever met somebody else locks the pool first, and then meets nobody. A desk that was
remembered instead of loaded (``remembered.py``) has assumed more, and what is written stands only if all of that is so.

Must not be broken: the pool is locked by a statement of its own, for what a statement reads is as old as its beginning; and before the
head, which is the order of everybody else.
"""

import asyncio
import time
from collections.abc import Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

from services.ledger.domain.cluster import major_of
from services.ledger.domain.desk import Desk, Holding, Price, Provisioning
from services.ledger.domain.journal import COLUMNS, Head, Pen
from services.ledger.domain.ladder import Rung, policy_of
from services.ledger.domain.leases import end_of
from services.ledger.domain.network_service import Stop
from services.ledger.domain.pool import PHONE_UNIT, Pool
from services.ledger.domain.refusals import CatalogueMissing
from services.ledger.domain.transitions import PoolState
from services.ledger.store.counts import counting, moved
from services.ledger.store.journal import MANY, appending, appending_one
from services.ledger.store.leases import LAPSED, UNNOTED
from shared.kit.direct import Direct, DirectTransaction, telling, telling_one
from shared.kit.problems import NotFound
from shared.kit.transaction import Transaction

_LOCK = "SELECT FROM pool WHERE cluster = $1 AND feature = 'PHONE_UNIT' FOR NO KEY UPDATE"

_CONCERNED = "d.device, d.device_type, d.units, d.adjunct_of, d.device_class, d.lease_seconds, d.lease_ends_at, d.seen_at"
_LOAD = f"""
    WITH concerned AS MATERIALIZED (
        SELECT {_CONCERNED} FROM unnest($2::text[]) AS named (device)
         CROSS JOIN LATERAL (SELECT * FROM device WHERE cluster = $1 AND device = named.device OFFSET 0) AS d
         UNION
        SELECT {_CONCERNED} FROM unnest($2::text[]) AS named (device)
         CROSS JOIN LATERAL (SELECT * FROM device WHERE cluster = $1 AND adjunct_of = named.device OFFSET 0) AS d
    ), rated AS (
        SELECT device_type, units, adjunct_units FROM device_type
         WHERE device_type = ANY($3::text[]) OR device_type IN (SELECT device_type FROM concerned)
    ), held AS (
        SELECT device_type, sum(devices)::bigint AS devices FROM type_count
         WHERE cluster = $1 AND device_type = ANY($3::text[]) GROUP BY device_type
    ), covered AS (
        SELECT device_type, count AS devices FROM migration_type
         WHERE cluster = $1 AND device_type = ANY($3::text[])
    )
    SELECT p.authorized, p.overdraft_allowed, p.used, p.version, p.limit_approached,
           p.overdraft_policy, p.overdraft_since, p.overdraft_stage, p.overdraft_stopped,
           c.product_version, c.software_major, c.frozen,
           c.license_manager, c.service_stopped, c.service_by, c.service_since,
           (SELECT version FROM catalogue) AS catalogue,
           (SELECT json_agg(json_build_array(device, device_type, units, adjunct_of, lease_seconds, {LAPSED}, device_class, {UNNOTED}))
              FROM concerned LEFT JOIN lease_clock ON true) AS holdings,
           (SELECT json_agg(json_build_array(device_type, units, adjunct_units)) FROM rated) AS prices,
           CASE WHEN c.frozen THEN (SELECT json_object_agg(device_type, devices) FROM covered) END AS covered,
           CASE WHEN c.frozen THEN (SELECT json_object_agg(device_type, devices) FROM held) END AS held,
           CASE WHEN $4 OR EXISTS (SELECT FROM concerned WHERE device_class <> 'ordinary')
                THEN (SELECT sum(units)::bigint FROM device WHERE cluster = $1 AND device_class <> 'ordinary') END AS exempt_used,
           h.sequence, h.hash, h.at, greatest(clock_timestamp(), h.at + interval '1 microsecond') AS now
      FROM cluster AS c JOIN journal_head AS h USING (cluster) JOIN pool AS p USING (cluster)
     WHERE c.cluster = $1 AND p.feature = 'PHONE_UNIT'
"""  # noqa: S608 -- constants

_DEVICE_COLUMNS = (
    *("cluster", "device", "device_type", "units", "adjunct_of", "device_class"),
    *("lease_seconds", "lease_ends_at", "seen_at", "checked_out_at"),
)


def _writing(assumed: str, removed: str, wanted: str, known: str, moved: str, appending: str, telling: str) -> str:
    """What many and one have in common. $1 to $12: the cluster, its pool and head as they will be, the head that was loaded, the rung."""
    return f"""
    WITH locked AS MATERIALIZED (
        SELECT cluster FROM pool WHERE cluster = $1 AND feature = 'PHONE_UNIT' AND {assumed} FOR NO KEY UPDATE
    ),
    headed AS (
        UPDATE journal_head AS h SET sequence = $5, hash = $6, at = $7 FROM locked
         WHERE h.cluster = locked.cluster AND h.sequence = $8 AND h.hash = $9 RETURNING h.cluster
    ),
    pooled AS (
        UPDATE pool AS p SET used = $2, version = $3, limit_approached = $4,
                             overdraft_since = $10, overdraft_stage = $11, overdraft_stopped = $12
          FROM headed
         WHERE p.cluster = headed.cluster AND p.feature = 'PHONE_UNIT'
    ),
    {removed}
    written AS (
        INSERT INTO device ({", ".join(_DEVICE_COLUMNS)})
        SELECT headed.cluster, wanted.*, $7::timestamptz + wanted.lease_seconds * interval '1 second', $7, $7
          FROM headed, {wanted} AS wanted (device, device_type, units, adjunct_of, device_class, lease_seconds) {known}
    ),
    counted AS ({counting(moved)}),
    appended AS ({appending} WHERE EXISTS (SELECT FROM headed)),
    told AS ({telling} WHERE EXISTS (SELECT FROM headed))
    SELECT cluster FROM headed
    """  # noqa: S608 -- constants


_CATALOGUE_AND_TIME = (
    "EXISTS (SELECT FROM catalogue WHERE version = $13) AND clock_timestamp() < $7::timestamptz + interval '100 milliseconds'"
)
_WRITE = _writing(
    f"""(cardinality($14::text[]) = 0 OR (NOT EXISTS (
            SELECT FROM unnest($14::text[]) AS assumed (device)
             CROSS JOIN LATERAL (SELECT FROM device WHERE cluster = $1 AND device = assumed.device OFFSET 0) AS found
        ) AND {_CATALOGUE_AND_TIME}))""",  # noqa: S608 -- constants
    """removed AS (
        DELETE FROM device AS d USING headed, unnest($15::text[]) AS gone (device)
         WHERE d.cluster = headed.cluster AND d.device = gone.device
    ),""",
    "unnest($16::text[], $17::text[], $18::bigint[], $19::text[], $20::text[], $21::bigint[])",
    """ON CONFLICT (cluster, device) DO UPDATE
           SET device_type = excluded.device_type, units = excluded.units, adjunct_of = excluded.adjunct_of,
               device_class = excluded.device_class, lease_seconds = excluded.lease_seconds, lease_ends_at = excluded.lease_ends_at,
               seen_at = excluded.seen_at""",
    "unnest($22::text[], $23::bigint[], $24::bigint[])",
    appending(25),
    telling(26),
)
_WRITE_ONE = _writing(
    f"NOT EXISTS (SELECT FROM device WHERE cluster = $1 AND device = $14) AND {_CATALOGUE_AND_TIME}",
    "",
    "(VALUES ($14::text, $15::text, $16::bigint, $17::text, $18::text, $19::bigint))",
    "",
    "(VALUES ($15::text, $16::bigint, 1::bigint))",
    appending_one(20),
    telling_one(21),
)
"""One device that was assumed to be new: a third less work for the database, and what most callers ask for."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The database's time ``at``, and a moment before it in seconds of this process's own clock: what is reckoned from both is not late."""

    at: datetime
    since: float


@dataclass(frozen=True, slots=True)
class Concerned:
    """What decides about some commands: devices, types, and the devices that show by being put that they are there, whose lease therefore
    cannot have lapsed. ``exempt``: what exempt devices hold is wanted although none of the devices is exempt yet."""

    names: Collection[str]
    types: Collection[str]
    heard: Collection[str] = ()
    exempt: bool = False


@dataclass(frozen=True, slots=True)
class Loaded:
    """What decides about some commands, and the pen for what they change behind ``head``; its moment is the database's.

    ``catalogue``: the version of the prices. ``unnoted``: the devices that have not been seen lately, as far as was noted. ``assumed``:
    devices that nobody looked for, and that are taken to hold nothing.
    """

    state: PoolState
    desk: Desk
    head: Head
    pen: Pen
    reading: Reading
    catalogue: int | None
    unnoted: frozenset[str] = frozenset()
    assumed: tuple[str, ...] = ()


async def lock_pool(direct: Direct, cluster: str) -> None:
    """Make the cluster's PHONE_UNIT pool ours until the commit, and with it its journal."""
    await direct.execute(_LOCK, cluster)


async def check_cluster(direct: Direct, cluster: str) -> None:
    """Raises NotFound."""
    if await direct.row("SELECT FROM cluster WHERE cluster = $1", cluster) is None:
        raise NotFound("cluster", cluster)


async def load(direct: Direct, cluster: str, concerned: Concerned) -> Loaded:
    """The pool, the devices concerned, those that point to them, the prices, all of one moment. Raises NotFound."""
    asked_at = time.monotonic()
    row = await direct.row(_LOAD, cluster, list(concerned.names), list(concerned.types), concerned.exempt)
    if row is None:
        raise NotFound("cluster", cluster)
    authorized, allowed, used, pool_version, approached, policy, since, stage, stopped, *others = row
    version, software_major, frozen, holder, service_stopped, by, switched_at, *others = others
    catalogue, holdings, prices, covered, held, exempt_used, sequence, hashed, at, now = others
    stop = Stop(cluster, holder, by, switched_at) if service_stopped else None
    provisioning = Provisioning(major_of(version), software_major, frozen, covered or {}, held or {}, stop)
    known, unnoted = dict[str, Holding](), set[str]()
    for device, device_type, units, adjunct_of, lease_seconds, lapsed, device_class, unnoted_lately in holdings or ():
        gone = lapsed and device not in concerned.heard
        known[device] = Holding(device, device_type, units, adjunct_of, lease_seconds, gone, device_class)
        if unnoted_lately:
            unnoted.add(device)
    rated = {name: Price(units, adjunct) for name, units, adjunct in prices or ()} if catalogue is not None else None
    pool, head = Pool(PHONE_UNIT, authorized, allowed, used), Head(sequence, hashed, at)
    state = PoolState(pool, pool_version, approached, policy_of(policy), Rung(since, stage, stopped))
    desk = Desk(pool, known, rated, provisioning, state.ladder(now), exempt_used or 0)
    return Loaded(state, desk, head, Pen(cluster, head, now), Reading(now, asked_at), catalogue, frozenset(unnoted))


async def write(
    tx: DirectTransaction, state: PoolState, loaded: Loaded, after: Mapping[str, Holding], entering: Coroutine[Any, Any, None]
) -> bool:
    """Store the difference between the desk and ``after``, the pool that results, what was published, and the entries about it.

    ``entering`` writes them with the pen. A device keeps the time of its first check-out, and its lease begins anew. False, and nothing
    stored, where the journal went on since the desk was loaded (where the pool is locked, it cannot), or where what was assumed is not so.
    """
    before, pen = loaded.desk.holdings, loaded.pen
    gone = [name for name in before if name not in after]
    put = [holding for name, holding in after.items() if before.get(name) is not holding]
    counts = moved(before, gone, put)
    if len(put) >= MANY:
        put = await _copied(tx, pen, before, put, entering)
    else:
        await entering
    entries = pen.entries
    if len(entries) >= MANY:
        await tx.copy("journal_entry", COLUMNS, entries)
        entries = []
    rows = [(h.device, h.device_type, h.units, h.adjunct_of, h.device_class, h.lease_seconds) for h in put]
    pool = (state.pool.used, state.version, state.limit_approached)
    head = (pen.head.sequence, pen.head.hash, pen.at, loaded.head.sequence, loaded.head.hash)
    common = (pen.cluster, *pool, *head, state.rung.since, state.rung.stage, state.rung.stopped, loaded.catalogue)
    ids, envelopes = tx.to_tell()
    if loaded.assumed and len(rows) == len(loaded.assumed) == len(entries) == len(ids) == 1:
        return await tx.row(_WRITE_ONE, *common, *rows[0], entries[0], ids[0], envelopes[0]) is not None
    many = (*(zip(*rows, strict=True) if rows else [()] * 6), *counts, entries, ids, envelopes)
    return await tx.row(_WRITE, *common, loaded.assumed, gone, *many) is not None


async def _copied(
    tx: DirectTransaction, pen: Pen, before: Mapping[str, Holding], put: list[Holding], entering: Coroutine[Any, Any, None]
) -> list[Holding]:
    """Copy what is new; the journal is written meanwhile, for the database and we each have a processor. What is left to be changed."""
    new = [
        (
            *(pen.cluster, h.device, h.device_type, h.units, h.adjunct_of, h.device_class),
            *(h.lease_seconds, end_of(pen.at, h.lease_seconds), pen.at, pen.at),
        )
        for h in put
        if h.device not in before
    ]
    copying = asyncio.create_task(tx.copy("device", _DEVICE_COLUMNS, new))
    try:
        await asyncio.sleep(0)  # let it begin
        await entering
    finally:
        await asyncio.wait({copying})
    copying.result()
    return [h for h in put if h.device in before]


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
