"""How the ledger differs from an inventory, in SQL: found by set operations, read page by page, marked with what became of them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Any

from services.ledger.domain.desk import Holding
from services.ledger.domain.reconciliation import Difference, DifferenceOutcome, Result, slug_of
from services.ledger.tables import DeviceRow
from shared.kit.direct import Direct

MOST_DIFFERENCES = 125_000
_PAGE = 5_000
_LONGEST_DETAIL = 300

_COMPARE = """
    WITH listed AS MATERIALIZED (
        SELECT DISTINCT ON (device COLLATE "C") device, line, device_type AS said
          FROM inventory_line WHERE reconciliation_id = $1 AND device IS NOT NULL ORDER BY device COLLATE "C", line
    ), typed AS MATERIALIZED (
        SELECT t.said, r.device_type, r.units, r.adjunct_units
          FROM (SELECT DISTINCT said FROM listed WHERE said IS NOT NULL) AS t
          LEFT JOIN LATERAL (
              SELECT * FROM device_type WHERE device_type IN (t.said, lower(replace(t.said, ' ', '-')))
               ORDER BY device_type = t.said DESC LIMIT 1
          ) AS r ON true
    ), held AS MATERIALIZED (
        SELECT device, device_type, units, adjunct_of, checked_out_at FROM device WHERE cluster = $2
    ), met AS MATERIALIZED (
        SELECT coalesce(l.device, h.device) AS device, l.line, l.said, l.device IS NOT NULL AS here, h.device IS NOT NULL AS known,
               h.device_type AS held_type, h.units AS held_units, h.adjunct_of AS held_adjunct_of, h.checked_out_at AS held_since,
               t.device_type, t.units AS full_units, t.adjunct_units
          FROM listed AS l FULL JOIN held AS h USING (device) LEFT JOIN typed AS t ON t.said = l.said
    ), wanted AS (
        SELECT m.*, a.adjunct_of, CASE WHEN a.adjunct_of IS NULL THEN m.full_units ELSE m.adjunct_units END AS units
          FROM met AS m
          LEFT JOIN listed AS p ON p.device = m.held_adjunct_of
         CROSS JOIN LATERAL (
             SELECT CASE WHEN m.adjunct_units IS NOT NULL AND p.device IS NOT NULL THEN m.held_adjunct_of END AS adjunct_of
         ) AS a
    ), judged AS (
        SELECT CASE WHEN NOT here THEN 'ghost'
                    WHEN device_type IS NULL THEN CASE WHEN known AND held_type = said OR said IS NULL THEN NULL ELSE 'problem' END
                    WHEN NOT known THEN 'missing'
                    WHEN held_type <> device_type THEN 'wrong_type'
                    WHEN held_units <> units OR held_adjunct_of IS DISTINCT FROM adjunct_of THEN 're_price' END AS kind,
               device, line, held_type, held_units, held_adjunct_of, held_since, device_type, units, adjunct_of,
               NULL::text AS other_cluster, CASE WHEN here AND device_type IS NULL THEN 'unknown-device-type' END AS rule,
               CASE WHEN here AND device_type IS NULL THEN left(said, 128) || ' is not in the catalogue' END AS detail
          FROM wanted
        UNION ALL
        SELECT 'elsewhere', d.device, l.line, d.device_type, d.units, d.adjunct_of, d.checked_out_at, NULL, NULL, NULL, d.cluster,
               NULL, NULL
          FROM device AS d JOIN listed AS l USING (device) WHERE d.cluster <> $2
        UNION ALL
        SELECT 'problem', i.device, i.line, NULL, NULL, NULL, NULL, i.device_type, NULL, NULL, NULL,
               CASE WHEN i.problem IS NULL THEN 'duplicate-device' ELSE 'invalid-line' END,
               coalesce(i.problem, 'line ' || l.line || ' names the device already, and counts')
          FROM inventory_line AS i LEFT JOIN listed AS l USING (device)
         WHERE i.reconciliation_id = $1 AND (i.problem IS NOT NULL OR l.line <> i.line)
    ), found AS (
        INSERT INTO difference (reconciliation_id, number, kind, device, line, held_type, held_units, held_adjunct_of, held_since,
                                device_type, units, adjunct_of, other_cluster, rule, detail)
        SELECT $1, row_number() OVER (ORDER BY kind, coalesce(device, '') COLLATE "C", coalesce(line, 0)), judged.*
          FROM judged WHERE kind IS NOT NULL LIMIT $3
        RETURNING kind, units, held_units
    )
    SELECT kind, count(*), coalesce(sum(CASE WHEN kind IN ('ghost', 'elsewhere') THEN held_units ELSE units END), 0)::bigint,
           coalesce(sum(coalesce(units, 0) - coalesce(held_units, 0)) FILTER (WHERE kind NOT IN ('elsewhere', 'problem')), 0)::bigint
      FROM found GROUP BY kind
"""

_FIELDS = (
    "d.kind, d.number, d.line, d.device, d.held_type, d.held_units, d.held_adjunct_of, d.device_type, d.units, d.adjunct_of, "
    "d.other_cluster, d.outcome, d.rule, d.detail, d.step"
)
_LIST = f"""
    SELECT {_FIELDS} FROM difference AS d WHERE reconciliation_id = $1 AND ($2::text IS NULL OR kind = $2) AND (kind, number) > ($3, $4)
     ORDER BY kind, number LIMIT $5
"""  # noqa: S608 -- constants
_TO_DO = f"""
    SELECT {_FIELDS},
           d.kind <> 'ghost' OR (now.checked_out_at IS NOT DISTINCT FROM d.held_since AND now.seen_at <= r.created_at) AS intact
      FROM difference AS d JOIN reconciliation AS r USING (reconciliation_id)
      LEFT JOIN device AS now ON now.cluster = $2 AND now.device = d.device
     WHERE d.reconciliation_id = $1
"""  # noqa: S608
_APPLIED = frozenset({"missing", "ghost", "wrong_type", "re_price"})
_MARK = """
    UPDATE difference AS d
       SET outcome = r.outcome, held_type = r.held_type, held_units = r.held_units, held_adjunct_of = r.held_adjunct_of,
           device_type = r.device_type, units = r.units, adjunct_of = r.adjunct_of, step = r.step, rule = r.rule, detail = r.detail
      FROM unnest($2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::bigint[], $10::text[],
                  $11::bigint[], $12::text[], $13::text[])
           AS r (kind, number, outcome, held_type, held_units, held_adjunct_of, device_type, units, adjunct_of, step, rule, detail)
     WHERE d.reconciliation_id = $1 AND d.kind = r.kind AND d.number = r.number
"""
_REMEMBER = """
    UPDATE difference AS d SET device_row = to_jsonb(now) FROM device AS now
     WHERE d.reconciliation_id = $1 AND d.kind = 'ghost' AND now.cluster = $2 AND now.device = d.device
"""
_OWN = [name for name in DeviceRow.model_fields if name not in {"cluster", "device"}]
_BRING_BACK = f"""
    UPDATE device AS now SET ({", ".join(_OWN)}) = ROW ({", ".join(f"was.{name}" for name in _OWN)})
      FROM difference AS d CROSS JOIN LATERAL jsonb_populate_record(NULL::device, d.device_row) AS was
     WHERE d.reconciliation_id = $1 AND d.kind = 'ghost' AND d.outcome = 'reverted' AND now.cluster = $2 AND now.device = d.device
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Found:
    """A difference as it is shown."""

    difference: Difference
    line: int | None
    device: str | None
    other_cluster: str | None
    outcome: DifferenceOutcome | None
    rule: str | None
    detail: str | None


async def compare(direct: Direct, reconciliation_id: str, cluster: str) -> dict[str, Any]:
    """Find and keep the differences; the inventory's lines are needed no longer. Devices and units of each kind, and the units that
    an apply would take (negative: give back) in all. One statement, so all of one moment. At most MOST_DIFFERENCES + 1 are found."""
    await direct.execute("SET LOCAL enable_nestloop = off")  # as in _by_sets
    summary: dict[str, Any] = {"units_change": 0}
    for kind, devices, units, change in await direct.rows(_COMPARE, reconciliation_id, cluster, MOST_DIFFERENCES + 1):
        summary[kind] = {"devices": devices, "units": units}
        summary["units_change"] += change
    await direct.execute("SET LOCAL enable_nestloop = on")
    await direct.execute("DELETE FROM inventory_line WHERE reconciliation_id = $1", reconciliation_id)
    return summary


async def page(direct: Direct, reconciliation_id: str, kind: str | None, after: tuple[str, int], limit: int) -> list[Found]:
    """``limit`` differences behind ``after``, by kind and number."""
    return [_found(row) for row in await direct.rows(_LIST, reconciliation_id, kind, *after, limit)]


async def to_apply(direct: Direct, reconciliation_id: str, cluster: str) -> list[Difference]:
    """What can be applied; the cluster's pool must be locked."""
    return [_difference(row) async for row in _all(direct, reconciliation_id, cluster) if row["kind"] in _APPLIED]


async def to_revert(direct: Direct, reconciliation_id: str, cluster: str) -> list[Difference]:
    """What was applied, the last step first."""
    found = [_difference(row) async for row in _all(direct, reconciliation_id, cluster) if row["outcome"] == "applied"]
    return sorted(found, key=lambda one: (-(one.step or 0), one.number))


async def _all(direct: Direct, reconciliation_id: str, cluster: str) -> AsyncIterator[Mapping[str, Any]]:
    """One after the other: all at once would keep everybody else in this process waiting."""
    await direct.execute("SET LOCAL enable_nestloop = off")
    async for row in direct.stream(_TO_DO, reconciliation_id, cluster):
        yield row
    await direct.execute("SET LOCAL enable_nestloop = on")


async def remember_ghosts(direct: Direct, reconciliation_id: str, cluster: str) -> None:
    """Keep the rows that are about to be removed."""
    await _by_sets(direct, _REMEMBER, reconciliation_id, cluster)


async def bring_back_ghosts(direct: Direct, reconciliation_id: str, cluster: str) -> None:
    """Devices that hold their units again are as they were in everything else too."""
    await _by_sets(direct, _BRING_BACK, reconciliation_id, cluster)


async def _by_sets(direct: Direct, sql: str, *values: object) -> None:
    """Nobody has counted the new rows yet: where the database expects few it would look them up one in the other, for minutes."""
    await direct.execute("SET LOCAL enable_nestloop = off")
    await direct.execute(sql, *values)
    await direct.execute("SET LOCAL enable_nestloop = on")


async def mark(direct: Direct, reconciliation_id: str, results: Sequence[Result]) -> AsyncIterator[None]:
    """Keep what became of differences, some thousands at a time."""
    for at in range(0, len(results), _PAGE):
        rows = [_marked(result) for result in results[at : at + _PAGE]]
        await direct.execute(_MARK, reconciliation_id, *zip(*rows, strict=True))
        yield


def _marked(result: Result) -> tuple[object, ...]:
    held, wanted, error = result.held, result.wanted, result.error
    return (
        *(result.difference.kind, result.difference.number, result.outcome),
        *((held.device_type, held.units, held.adjunct_of) if held else (None, None, None)),
        *((wanted.device_type, wanted.units, wanted.adjunct_of) if wanted else (None, None, None)),
        *(result.step, slug_of(error) if error else None, str(error)[:_LONGEST_DETAIL] if error else None),
    )


def _difference(row: Mapping[str, Any]) -> Difference:
    device = row["device"] or ""
    held = _holding(device, row["held_type"], row["held_units"], row["held_adjunct_of"])
    wanted = _holding(device, row["device_type"], row["units"], row["adjunct_of"])
    return Difference(intern(row["kind"]), row["number"], device, held, wanted, row.get("intact", True), row["step"])  # type: ignore[arg-type]


def _holding(device: str, device_type: str | None, units: int | None, adjunct_of: str | None) -> Holding | None:
    """Of a hundred thousand rows with few types: each name of one is kept once."""
    return None if units is None or device_type is None else Holding(device, intern(device_type), units, adjunct_of)


def _found(row: Mapping[str, Any]) -> Found:
    return Found(_difference(row), row["line"], row["device"], row["other_cluster"], row["outcome"], row["rule"], row["detail"])
