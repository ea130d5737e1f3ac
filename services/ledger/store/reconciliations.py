"""Reconciliations in SQL, on the driver: their states, the inventory's lines, and whose turn it is.

Must not be broken: a step is done by whoever holds the reconciliation's advisory lock, and its new state is committed with what it did.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from services.ledger.domain.reconciliation import State
from shared.kit.direct import Direct
from shared.kit.trace import Trace

AT_WORK: tuple[State, ...] = ("receiving", "received", "applying", "reverting")
_COLUMNS = (
    "reconciliation_id, cluster, dry_run, state, lines, done, total, summary, used_before, attempts, failure, caller, trace_id, "
    "created_at, changed_at"
)
_FIND = f"SELECT {_COLUMNS} FROM reconciliation WHERE cluster = $1 AND reconciliation_id = $2"  # noqa: S608 -- constants
_TURN = f"""
    SELECT {_COLUMNS} FROM reconciliation
     WHERE reconciliation_id = $1 AND state = ANY('{{received,applying,reverting}}')
"""  # noqa: S608
_PAGE = f"""
    SELECT {_COLUMNS} FROM reconciliation WHERE cluster = $1 AND ($2::text IS NULL OR reconciliation_id < $2)
     ORDER BY reconciliation_id DESC LIMIT $3
"""  # noqa: S608
_NEW = f"""
    INSERT INTO reconciliation ({_COLUMNS})
    VALUES ($1, $2, $3, 'receiving', 0, 0, 0, '{{}}', NULL, 0, NULL, $4, $5, clock_timestamp(), clock_timestamp())
"""  # noqa: S608
_STEP_FAILED = "UPDATE reconciliation SET attempts = attempts + 1 WHERE reconciliation_id = $1 RETURNING attempts"
_STALE_SECONDS = 60
"""An inventory of which nothing has come for so long was given up by whoever sent it."""

_LINE_COLUMNS = ("reconciliation_id", "line", "device", "device_type", "problem")
Line = tuple[int, str | None, str | None, str | None]
"""Number, device, type, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """A row; ``summary``: devices and units by kind and what became of them."""

    reconciliation_id: str
    cluster: str
    dry_run: bool
    state: State
    lines: int
    done: int
    total: int
    summary: Mapping[str, Any]
    used_before: int | None
    attempts: int
    failure: str | None
    caller: str
    trace_id: str
    created_at: datetime
    changed_at: datetime

    @property
    def trace(self) -> Trace:
        """Of whoever asked for the step under way."""
        return Trace(self.trace_id, self.caller, "http")


def _read(row: Any) -> Reconciliation:
    values = dict(row.items())
    summary = values["summary"]
    return Reconciliation(**{**values, "summary": json.loads(summary) if isinstance(summary, str) else summary})


async def lock(direct: Direct, cluster: str) -> None:
    """Nobody else begins a step of a reconciliation of this cluster until the commit."""
    await direct.execute("SELECT pg_advisory_xact_lock(hashtextextended('reconciliations of ' || $1, 0))", cluster)


async def find(direct: Direct, cluster: str, reconciliation_id: str) -> Reconciliation | None:
    row = await direct.row(_FIND, cluster, reconciliation_id)
    return _read(row) if row else None


async def page(direct: Direct, cluster: str, before: str | None, limit: int) -> list[Reconciliation]:
    """``limit`` of the cluster's, the newest first."""
    return [_read(row) for row in await direct.rows(_PAGE, cluster, before, limit)]


async def at_work(direct: Direct, cluster: str) -> tuple[str, State] | None:
    """The one of the cluster that is at work. One that was given up while it was received is removed. The cluster must be locked."""
    given_up = """DELETE FROM reconciliation WHERE cluster = $1 AND state = 'receiving'
                     AND changed_at < clock_timestamp() - make_interval(secs => $2)"""
    await direct.execute(given_up, cluster, _STALE_SECONDS)
    asked = "SELECT reconciliation_id, state FROM reconciliation WHERE cluster = $1 AND state = ANY($2::text[])"
    row = await direct.row(asked, cluster, list(AT_WORK))
    return (row[0], cast("State", row[1])) if row else None


async def begin(direct: Direct, reconciliation_id: str, cluster: str, trace: Trace, *, dry_run: bool) -> None:
    await direct.execute(_NEW, reconciliation_id, cluster, dry_run, trace.caller, trace.trace_id)


async def add_lines(direct: Direct, reconciliation_id: str, lines: Sequence[Line]) -> bool:
    """Keep lines of an inventory; False where it was given up meanwhile."""
    counted = """UPDATE reconciliation SET lines = lines + $2, total = lines + $2, changed_at = clock_timestamp()
                  WHERE reconciliation_id = $1 AND state = 'receiving' RETURNING lines"""
    if await direct.row(counted, reconciliation_id, len(lines)) is None:
        return False
    await direct.copy("inventory_line", _LINE_COLUMNS, [(reconciliation_id, *line) for line in lines])
    return True


async def discard(direct: Direct, reconciliation_id: str) -> None:
    """An inventory that could not be read, or did not arrive, leaves nothing."""
    await direct.execute("DELETE FROM reconciliation WHERE reconciliation_id = $1 AND state = 'receiving'", reconciliation_id)


async def enter(direct: Direct, reconciliation_id: str, now: State, trace: Trace, *was: State) -> bool:
    """From a state to the next, on behalf of ``trace``; False where it is in none of ``was``."""
    sql = """UPDATE reconciliation
                SET state = $2, caller = $3, trace_id = $4, done = 0, attempts = 0, failure = NULL, changed_at = clock_timestamp()
              WHERE reconciliation_id = $1 AND state = ANY($5::text[]) RETURNING state"""
    return await direct.row(sql, reconciliation_id, now, trace.caller, trace.trace_id, list(was)) is not None


async def take_turn(direct: Direct, reconciliation_id: str) -> Reconciliation | None:
    """The reconciliation, ours to do its next step until the commit; None where it has none, or somebody else is doing it."""
    # In a statement of its own: what one reads is as old as its beginning, and the lock may have been waited for by then.
    got = await direct.row("SELECT pg_try_advisory_xact_lock(hashtextextended('reconciliation/' || $1, 0))", reconciliation_id)
    row = await direct.row(_TURN, reconciliation_id) if got and got[0] else None
    return _read(row) if row else None


async def waiting(direct: Direct) -> list[str]:
    """Those that have a step to do, the oldest first."""
    asked = "SELECT reconciliation_id FROM reconciliation WHERE state = ANY($1::text[]) ORDER BY changed_at"
    return [row[0] for row in await direct.rows(asked, ["received", "applying", "reverting"])]


async def progress(direct: Direct, reconciliation_id: str, done: int, total: int) -> None:
    await direct.execute("UPDATE reconciliation SET done = $2, total = $3 WHERE reconciliation_id = $1", reconciliation_id, done, total)


async def finish(
    direct: Direct, one: Reconciliation, state: State, summary: Mapping[str, Any], total: int, used_before: int | None
) -> None:
    """The step is done."""
    sql = """UPDATE reconciliation SET state = $2, summary = $3, done = $4, total = $4, used_before = $5, changed_at = clock_timestamp()
              WHERE reconciliation_id = $1"""
    await direct.execute(sql, one.reconciliation_id, state, json.dumps(summary), total, used_before)


async def count_attempt(direct: Direct, reconciliation_id: str) -> int:
    """A step came to nothing; how many times that was by now."""
    row = await direct.row(_STEP_FAILED, reconciliation_id)
    return int(row[0]) if row else 0


async def fail(direct: Direct, reconciliation_id: str, failure: str) -> None:
    """It is over; nothing of the step under way was done. One that could not be taken back is applied as before, and may be asked again."""
    sql = """UPDATE reconciliation
                SET state = CASE state WHEN 'reverting' THEN 'applied' ELSE 'failed' END, failure = $2, done = 0,
                    changed_at = clock_timestamp()
              WHERE reconciliation_id = $1 AND state = ANY($3::text[])"""
    await direct.execute(sql, reconciliation_id, failure, list(AT_WORK))
    await direct.execute("DELETE FROM inventory_line WHERE reconciliation_id = $1", reconciliation_id)


async def forget(direct: Direct, days: int, kept: int) -> None:
    """Remove what is older than ``days``, and of each cluster all but the ``kept`` newest; never one that is at work, which an inventory
    of which nothing came for so long is not."""
    sql = """
        DELETE FROM reconciliation USING (
            SELECT reconciliation_id AS id, created_at AS made,
                   row_number() OVER (PARTITION BY cluster ORDER BY reconciliation_id DESC) AS nth
              FROM reconciliation
        ) AS kept
         WHERE reconciliation_id = id AND (nth > $2 OR made < clock_timestamp() - make_interval(days => $1))
           AND (state <> ALL($3::text[]) OR (state = 'receiving' AND changed_at < clock_timestamp() - make_interval(days => $1)))
    """
    await direct.execute(sql, days, kept, list(AT_WORK))
