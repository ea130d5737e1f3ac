"""Three ledgers on one database under a random load, one of them killed twice; then everything is counted.

Must hold: used = sum of holdings = the journal's balance, what was acknowledged is there, nothing is there twice, the chain is intact.
"""

import asyncio
from dataclasses import replace

from bench.figures import Figure, Lost, Sample, Section, compared
from bench.ledger.check_outs import HOT_ROW_CLIENTS
from bench.ledger.pgbench import hot_row
from bench.ledger.processes import Program
from bench.ledger.scale import Scale
from bench.ledger.stage import PRICES, Stage
from bench.ledger.turmoil import Book, Plan, stirred

LEDGERS, CONNECTIONS, KILLS = 3, 200, 2
CLUSTERS = ("stirred-0", "stirred-1", "stirred-2", "stirred-3")
_UNITS = 900
"""Less than what all devices together may want: some check-outs are refused."""

_DOWN_SECONDS = 0.5
_ENTRIES = """
    SELECT subject, count(*) AS entries FROM ledger.journal_entry
     WHERE cluster = $1 AND kind IN ('check_out', 'check_in', 're_price') AND feature = 'PHONE_UNIT' GROUP BY subject
"""


async def measure(stage: Stage, scale: Scale) -> Section:
    """One figure: acknowledged changes a second while it goes on."""
    section = Section("Three ledgers on one database, one killed twice")
    for cluster in CLUSTERS:
        await stage.cluster(cluster, _UNITS)
    ledgers = [stage.ledger, *[await stage.processes.ledger() for _ in range(LEDGERS - 1)]]
    key, ports = str(stage.processes.private_key), [each.port for each in ledgers]
    plan = Plan(ports, key, list(CLUSTERS), CONNECTIONS, scale.turmoil_seconds, first_file=stage.files, seed=1)
    pgbench = await hot_row(stage.postgres, HOT_ROW_CLIENTS, scale.seconds)()
    book, _ = await asyncio.gather(stirred(plan), _kill(stage, ledgers[1], scale.turmoil_seconds))
    counted = await judged(stage, book)
    reference = f"pgbench hot row, {HOT_ROW_CLIENTS} clients"
    sample = Sample(len(book.took) / book.seconds, book.took)
    figure: Figure = compared(f"changes, {CONNECTIONS} connections, {KILLS} × SIGKILL", [sample], reference, [pgbench], counted)
    section.figures.append(replace(figure, unit="/s"))
    for each in ledgers[1:]:
        each.stop()
    return section


async def _kill(stage: Stage, ledger: Program, seconds: float) -> None:
    """Twice, spread over the time."""
    for _ in range(KILLS):
        await asyncio.sleep(seconds / (KILLS + 1) - _DOWN_SECONDS)
        ledger.kill()
        await asyncio.sleep(_DOWN_SECONDS)
        await stage.processes.again(ledger)


async def judged(stage: Stage, book: Book) -> str:
    """What was counted. Raises Lost."""
    if book.wrong:
        raise Lost(f"{len(book.wrong)} answers that no caller should get, the first: {book.wrong[0]}")
    met = {"calls without an answer": book.unanswered, "refusals": book.refused, "grants": book.grants, "retirements": book.retirements}
    if missing := [what for what, count in met.items() if not count]:
        raise Lost(f"the turmoil met no {', no '.join(missing)}: it proves nothing about them")
    told = [f"{len(book.took)} acknowledged, {book.refused} refused, {book.unanswered} without an answer"]
    told += [f"{book.grants} grants, {book.retirements} retirements"]
    for cluster in CLUSTERS:
        rows = await stage.postgres.ask("SELECT device, device_type, units FROM ledger.device WHERE cluster = $1", cluster)
        there = {row["device"]: row["device_type"] for row in rows}
        if there != book.devices[cluster]:
            raise Lost(f"{cluster}: the book and the holdings differ in {len(there.items() ^ book.devices[cluster].items())} entries")
        if any(row["units"] != PRICES[row["device_type"]] for row in rows):
            raise Lost(f"{cluster}: a device holds other units than its type costs")
        pool = "SELECT authorized FROM ledger.pool WHERE cluster = $1 AND feature = 'PHONE_UNIT'"
        (row,) = await stage.postgres.ask(pool, cluster)
        if row["authorized"] != _UNITS + book.granted[cluster]:
            raise Lost(f"{cluster}: authorized {row['authorized']}, granted {_UNITS + book.granted[cluster]}")
        stage.tally.units[cluster] = sum(PRICES[kind] for kind in book.devices[cluster].values())
        told += [await stage.tally.check(cluster)]
        told += [await _journal(stage, cluster, book.changes[cluster])]
    return "; ".join(told)


async def _journal(stage: Stage, cluster: str, changes: dict[str, int]) -> str:
    """One entry for each acknowledged change of each device, and the chain."""
    entries = {row["subject"]: row["entries"] for row in await stage.postgres.ask(_ENTRIES, cluster)}
    if entries != changes:
        raise Lost(f"{cluster}: journal and acknowledged changes differ for {len(entries.items() ^ changes.items())} devices")
    return await stage.verified(cluster)
