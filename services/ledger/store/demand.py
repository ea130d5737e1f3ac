"""Unmet demand, and what devices would give back, in SQL.

Must not be broken: a refusal costs one statement, which looks at the devices that were refused and at rows whose number is bounded,
never at the devices of the cluster. Whoever records holds the cluster's PHONE_UNIT pool; the clock's work waits for nobody who does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text

from services.ledger.domain.demand import KEPT_DAYS, MOST_DEVICES, OPEN_DAYS, Demand
from services.ledger.domain.ways_out import Returnable
from shared.kit.direct import Direct
from shared.kit.transaction import Transaction

# How many devices are known by name is counted for new ones only, and no more that day once they were too many: a storm counts nothing.
_RECORD = """
    WITH asked AS (
        SELECT * FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[])
                   AS a (feature, device_type, rule, device, units, units_asked, refusals)
    ), placed AS (
        SELECT a.*, known.device IS NULL AS new,
               coalesce(known.last_at < date_trunc('day', $2::timestamptz, 'UTC'), TRUE) AS new_today,
               row_number() OVER (PARTITION BY known.device IS NULL) AS place
          FROM asked AS a
          LEFT JOIN unmet_device AS known
            ON known.cluster = $1 AND known.feature = a.feature AND known.device = a.device
           AND known.device_type = a.device_type AND known.rule = a.rule
    ), fitting AS (
        SELECT placed.*,
               CASE WHEN NOT new THEN TRUE
                    WHEN today.more_devices THEN FALSE
                    ELSE place + (SELECT count(*) FROM unmet_device WHERE cluster = $1 AND feature = ($3::text[])[1]) <= $10
                     END AS kept
          FROM placed
          LEFT JOIN unmet_demand AS today
            ON today.cluster = $1 AND today.day = ($2::timestamptz AT TIME ZONE 'UTC')::date
           AND (today.feature, today.device_type, today.rule) = (placed.feature, placed.device_type, placed.rule)
    ), kept AS (
        INSERT INTO unmet_device AS known (cluster, feature, device, device_type, rule, units, refusals, first_at, last_at)
        SELECT $1, feature, device, device_type, rule, units, refusals, $2, $2 FROM fitting WHERE kept
            ON CONFLICT (cluster, feature, device, device_type, rule) DO UPDATE
           SET units = excluded.units, refusals = known.refusals + excluded.refusals, last_at = $2, met_at = NULL
    ), counted AS (
        INSERT INTO unmet_demand AS known
               (cluster, day, feature, device_type, rule, refusals, units_asked, devices, more_devices, first_at, last_at)
        SELECT $1, ($2::timestamptz AT TIME ZONE 'UTC')::date, feature, device_type, rule, sum(refusals), sum(units_asked),
               count(*) FILTER (WHERE kept AND new_today), bool_or(NOT kept), $2, $2
          FROM fitting GROUP BY feature, device_type, rule
            ON CONFLICT (cluster, day, feature, device_type, rule) DO UPDATE
           SET refusals = known.refusals + excluded.refusals, units_asked = known.units_asked + excluded.units_asked,
               devices = known.devices + excluded.devices, more_devices = known.more_devices OR excluded.more_devices, last_at = $2
    )
    SELECT ghost_days, ghosts, ghost_units, overpriced, overpriced_units, measured_at FROM returnable WHERE cluster = $1
"""

# A device's demand is met by a holding of the type that it asked for, at today's price or more; a node's by the node.
_STILL_OPEN = """
    SELECT u.* FROM unmet_device AS u
      LEFT JOIN device AS d ON u.feature = 'PHONE_UNIT' AND (d.cluster, d.device, d.device_type) = (u.cluster, u.device, u.device_type)
      LEFT JOIN device_type AS t ON t.device_type = d.device_type
      LEFT JOIN node AS n ON u.feature = 'CCM_NODE' AND (n.cluster, n.node) = (u.cluster, u.device)
     WHERE u.met_at IS NULL AND n.node IS NULL
       AND NOT coalesce(d.units >= CASE WHEN d.adjunct_of IS NULL THEN t.units ELSE coalesce(t.adjunct_units, t.units) END,
                        d.device IS NOT NULL)
"""

_REPORTED = f"""
    SELECT feature, device_type, rule, count(*) AS devices, sum(units)::bigint AS units, sum(refusals)::bigint AS refusals,
           min(first_at) AS first_at, max(last_at) AS last_at
      FROM ({_STILL_OPEN} AND u.cluster = $1) AS open GROUP BY feature, device_type, rule ORDER BY 1, 2, 3
"""  # noqa: S608 -- constants

_PAGE = f"""
    SELECT m.day, m.feature, m.device_type, m.rule, m.refusals, m.units_asked, m.devices, m.more_devices, m.first_at, m.last_at,
           coalesce(o.devices, 0) AS open_devices, coalesce(o.units, 0) AS open_units
      FROM unmet_demand AS m
      LEFT JOIN (
            SELECT feature, device_type, rule, (last_at AT TIME ZONE 'UTC')::date AS day, count(*) AS devices, sum(units)::bigint AS units
              FROM ({_STILL_OPEN} AND u.cluster = $1) AS open GROUP BY 1, 2, 3, 4
           ) AS o USING (feature, device_type, rule, day)
     WHERE m.cluster = $1 AND ($2::date IS NULL OR m.day < $2 OR (m.day = $2 AND (m.feature, m.device_type, m.rule) > ($3, $4, $5)))
     ORDER BY m.day DESC, m.feature, m.device_type, m.rule LIMIT $6
"""  # noqa: S608

_MET = text(f"""
    WITH open AS ({_STILL_OPEN}),
    met AS (
        SELECT cluster, feature, device, device_type, rule FROM unmet_device AS u
         WHERE u.met_at IS NULL AND NOT EXISTS (
               SELECT FROM open AS o WHERE (o.cluster, o.feature, o.device, o.device_type, o.rule)
                                         = (u.cluster, u.feature, u.device, u.device_type, u.rule))
           FOR UPDATE OF u SKIP LOCKED
    )
    UPDATE unmet_device AS u SET met_at = now() FROM met
     WHERE (u.cluster, u.feature, u.device, u.device_type, u.rule) = (met.cluster, met.feature, met.device, met.device_type, met.rule)
""")  # noqa: S608

_FORGET_DEVICES = text("""
    WITH old AS (
        SELECT cluster, feature, device, device_type, rule FROM unmet_device
         WHERE last_at < now() - make_interval(days => :open_days) OR (met_at IS NOT NULL AND last_at < date_trunc('day', now(), 'UTC'))
           FOR UPDATE SKIP LOCKED
    )
    DELETE FROM unmet_device AS u USING old
     WHERE (u.cluster, u.feature, u.device, u.device_type, u.rule) = (old.cluster, old.feature, old.device, old.device_type, old.rule)
""")
_FORGET_DAYS = text("DELETE FROM unmet_demand WHERE day < (now() AT TIME ZONE 'UTC')::date - CAST(:kept_days AS integer)")

# A ghost is what GET …/ghosts shows.
_MEASURE = text("""
    INSERT INTO returnable (cluster, ghost_days, ghosts, ghost_units, overpriced, overpriced_units, measured_at)
    SELECT :cluster, :days, count(*) FILTER (WHERE ghost), coalesce(sum(units) FILTER (WHERE ghost), 0),
           count(*) FILTER (WHERE NOT ghost AND over > 0), coalesce(sum(over) FILTER (WHERE NOT ghost AND over > 0), 0), now()
      FROM (
            SELECT d.units, d.units > 0 AND d.lease_seconds IS NULL AND d.seen_at <= now() - make_interval(days => :days) AS ghost,
                   d.units - CASE WHEN d.adjunct_of IS NULL THEN t.units ELSE coalesce(t.adjunct_units, t.units) END AS over
              FROM device AS d LEFT JOIN device_type AS t USING (device_type) WHERE d.cluster = :cluster
           ) AS held
        ON CONFLICT (cluster) DO UPDATE
       SET ghost_days = excluded.ghost_days, ghosts = excluded.ghosts, ghost_units = excluded.ghost_units,
           overpriced = excluded.overpriced, overpriced_units = excluded.overpriced_units, measured_at = excluded.measured_at
""")


@dataclass(frozen=True, slots=True)
class OpenDemand:
    """What devices asked for and still do not hold: so many devices of one type, refused by one rule, and the units that they want."""

    feature: str
    device_type: str
    rule: str
    devices: int
    units: int
    refusals: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class DayOfDemand:
    """What was refused on one day. ``more_devices``: there were more than ``devices``, which are those known by name.

    ``open_devices``, ``open_units``: of the devices that asked last on that day, those that still do not hold it.
    """

    day: date
    feature: str
    device_type: str
    rule: str
    refusals: int
    units_asked: int
    devices: int
    more_devices: bool
    first_at: datetime
    last_at: datetime
    open_devices: int
    open_units: int


async def record(direct: Direct, cluster: str, demands: Sequence[Demand], at: datetime) -> Returnable | None:
    """Remember what was refused at ``at``, of one feature; what devices would give back, None before it was measured."""
    assert len({one.feature for one in demands}) == 1
    row = await direct.row(_RECORD, cluster, at, *(list(column) for column in zip(*demands, strict=True)), MOST_DEVICES)
    return Returnable(*row) if row else None


async def open_demand(direct: Direct, cluster: str) -> list[OpenDemand]:
    """By feature, type and rule."""
    return [OpenDemand(*row) for row in await direct.rows(_REPORTED, cluster)]


async def page_of_days(direct: Direct, cluster: str, after: tuple[date, str, str, str] | None, limit: int) -> list[DayOfDemand]:
    """``limit`` days, feature, type and rule, the latest day first, behind ``after``."""
    return [DayOfDemand(*row) for row in await direct.rows(_PAGE, cluster, *(after or (None, "", "", "")), limit)]


async def end_demand(tx: Transaction) -> None:
    """Mark what is met by now, and forget what is long over."""
    await tx.session.execute(_MET)
    await tx.session.execute(_FORGET_DEVICES, {"open_days": OPEN_DAYS})
    await tx.session.execute(_FORGET_DAYS, {"kept_days": KEPT_DAYS})


async def measure_returnable(tx: Transaction, ghost_days: int) -> None:
    """Look at every device of every cluster, a cluster at a time."""
    for cluster in (await tx.session.scalars(text("SELECT cluster FROM cluster ORDER BY cluster"))).all():
        await tx.session.execute(_MEASURE, {"cluster": cluster, "days": ghost_days})
