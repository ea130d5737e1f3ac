"""Check-outs and check-ins in SQL. Four statements with the outbox: lock the pool, load the desk, write, publish.

Must not be broken: the pool is locked by a statement of its own, for what a statement reads is as old as its beginning.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

from services.ledger.domain.cluster import major_of
from services.ledger.domain.devices import Desk, Holding, Price, Provisioning
from services.ledger.domain.pool import PHONE_UNIT, Pool
from services.ledger.domain.refusals import CatalogueMissing
from services.ledger.domain.transitions import PoolState
from shared.kit.problems import NotFound
from shared.kit.transaction import Transaction

_LOCK = text("""
    SELECT authorized, overdraft_allowed, used, version, limit_approached
      FROM pool WHERE cluster = :cluster AND feature = :feature FOR NO KEY UPDATE
""")

_LOAD = text("""
    WITH concerned AS (
        SELECT device, device_type, units, adjunct_of FROM device
         WHERE cluster = :cluster AND device = ANY(CAST(:names AS text[]))
         UNION
        SELECT device, device_type, units, adjunct_of FROM device
         WHERE cluster = :cluster AND adjunct_of = ANY(CAST(:names AS text[]))
    ), rated AS (
        SELECT device_type, units, adjunct_units FROM device_type
         WHERE device_type = ANY(CAST(:types AS text[])) OR device_type IN (SELECT device_type FROM concerned)
    ), held AS (
        SELECT device_type, count(*) AS devices FROM device
         WHERE cluster = :cluster AND device_type = ANY(CAST(:types AS text[])) GROUP BY device_type
    ), covered AS (
        SELECT device_type, count AS devices FROM migration_type
         WHERE cluster = :cluster AND device_type = ANY(CAST(:types AS text[]))
    )
    SELECT c.product_version, c.software_major, c.frozen,
           EXISTS (SELECT FROM catalogue) AS priced,
           (SELECT jsonb_agg(to_jsonb(concerned)) FROM concerned) AS holdings,
           (SELECT jsonb_agg(to_jsonb(rated)) FROM rated) AS prices,
           CASE WHEN c.frozen THEN (SELECT jsonb_object_agg(device_type, devices) FROM covered) END AS covered,
           CASE WHEN c.frozen THEN (SELECT jsonb_object_agg(device_type, devices) FROM held) END AS held
      FROM cluster AS c WHERE c.cluster = :cluster
""").columns(holdings=JSONB, prices=JSONB, covered=JSONB, held=JSONB)

_WRITE = text("""
    WITH written AS (
        INSERT INTO device (cluster, device, device_type, units, adjunct_of, checked_out_at)
        SELECT :cluster, wanted.*, CAST(:now AS timestamptz)
          FROM unnest(CAST(:devices AS text[]), CAST(:types AS text[]), CAST(:units AS bigint[]), CAST(:primaries AS text[])) AS wanted
            ON CONFLICT (cluster, device) DO UPDATE
           SET device_type = excluded.device_type, units = excluded.units, adjunct_of = excluded.adjunct_of
    )
    UPDATE pool SET used = :used, version = :version, limit_approached = :limit_approached
     WHERE cluster = :cluster AND feature = :feature
""")

_REMOVE = text("""
    WITH removed AS (DELETE FROM device WHERE cluster = :cluster AND device = ANY(CAST(:devices AS text[])))
    UPDATE pool SET used = :used, version = :version, limit_approached = :limit_approached
     WHERE cluster = :cluster AND feature = :feature
""")


async def lock_pool(tx: Transaction, cluster: str) -> PoolState:
    """The cluster's PHONE_UNIT pool, ours until the commit. Raises NotFound."""
    row = (await tx.session.execute(_LOCK, {"cluster": cluster, "feature": PHONE_UNIT})).one_or_none()
    if row is None:
        raise NotFound("cluster", cluster)
    return PoolState(Pool(PHONE_UNIT, row.authorized, row.overdraft_allowed, row.used), row.version, row.limit_approached)


async def load_desk(tx: Transaction, cluster: str, pool: Pool, names: Iterable[str], types: Iterable[str]) -> Desk:
    """What decides about the devices of ``names``: themselves, those that point to them, the prices."""
    asked = {"cluster": cluster, "names": list(names), "types": list(types)}
    row = (await tx.session.execute(_LOAD, asked)).one()
    prices = {p["device_type"]: Price(p["units"], p["adjunct_units"]) for p in row.prices or ()}
    return Desk(
        pool=pool,
        holdings={h["device"]: Holding(**h) for h in row.holdings or ()},
        prices=prices if row.priced else None,
        provisioning=Provisioning(major_of(row.product_version), row.software_major, row.frozen, row.covered or {}, row.held or {}),
    )


async def write(tx: Transaction, cluster: str, pool: PoolState, holdings: list[Holding]) -> None:
    """Store these holdings and the pool that results. A device keeps the time of its first check-out."""
    columns = {
        "devices": [h.device for h in holdings],
        "types": [h.device_type for h in holdings],
        "units": [h.units for h in holdings],
        "primaries": [h.adjunct_of for h in holdings],
    }
    await tx.session.execute(_WRITE, {**columns, **_pool_values(cluster, pool), "now": tx.now})


async def remove(tx: Transaction, cluster: str, pool: PoolState, devices: list[str]) -> None:
    """Forget these devices and store the pool that results."""
    await tx.session.execute(_REMOVE, {"devices": devices, **_pool_values(cluster, pool)})


def _pool_values(cluster: str, state: PoolState) -> dict[str, Any]:
    return {
        "cluster": cluster,
        "feature": PHONE_UNIT,
        "used": state.pool.used,
        "version": state.version,
        "limit_approached": state.limit_approached,
    }


async def count(tx: Transaction, cluster: str) -> int:
    """How many devices the cluster has."""
    statement = text("SELECT count(*) FROM device WHERE cluster = :cluster")
    return int((await tx.session.execute(statement, {"cluster": cluster})).scalar_one())


async def prices_of(tx: Transaction, types: list[str]) -> Mapping[str, int]:
    """Units of those ``types`` that stand in the catalogue. Raises CatalogueMissing."""
    statement = text("""
        SELECT EXISTS (SELECT FROM catalogue) AS priced,
               (SELECT jsonb_object_agg(device_type, units) FROM device_type WHERE device_type = ANY(CAST(:types AS text[]))) AS prices
    """).columns(prices=JSONB)
    row = (await tx.session.execute(statement, {"types": types})).one()
    if not row.priced:
        raise CatalogueMissing
    return dict(row.prices or {})
