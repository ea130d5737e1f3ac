"""The reference for single check-outs: what the same PostgreSQL does in a transaction on a hot row, by its own pgbench.

Update one row, insert one with a unique key, both durable: the least that a check-out can be made of.
"""

import asyncio
import re
from asyncio.subprocess import PIPE
from pathlib import Path

from bench.figures import Lost, Run, Sample
from bench.ledger.postgres import Postgres, new_folder

_TABLES = """
    CREATE SCHEMA IF NOT EXISTS reference;
    CREATE TABLE reference.pool (id int PRIMARY KEY, used bigint NOT NULL);
    CREATE TABLE reference.holding (device text PRIMARY KEY, units bigint NOT NULL);
    INSERT INTO reference.pool VALUES (1, 0)
"""
_TRANSACTION = r"""
\set number random(1, 9000000000000000000)
BEGIN;
UPDATE reference.pool SET used = used + 1 WHERE id = 1;
INSERT INTO reference.holding VALUES ('SEP' || :number, 1);
END;
"""
_DONE = re.compile(rb"number of transactions actually processed: (\d+)")
_RATE = re.compile(rb"tps = ([0-9.]+) \(without initial connection time\)")


async def make_hot_row(postgres: Postgres) -> None:
    """The two tables."""
    await postgres.run(_TABLES)


def hot_row(postgres: Postgres, clients: int, seconds: float) -> Run:
    """One run of so many clients (pgbench counts whole seconds); checked afterwards. Raises Lost."""

    async def run() -> Sample:
        before = await _counted(postgres)
        with new_folder() as folder:
            script, log = folder / "hot-row.sql", folder / "log"
            script.write_text(_TRANSACTION, "utf-8")
            command: list[str | Path] = [postgres.bin_dir / "pgbench", "--no-vacuum", "--protocol=prepared", f"--file={script}"]
            command += [f"--client={clients}", f"--jobs={min(clients, 2)}", f"--time={max(1, round(seconds))}"]
            command += ["--log", f"--log-prefix={log}"]
            child = await asyncio.create_subprocess_exec(*command, env=postgres.environment, stdout=PIPE, stderr=PIPE)
            said, complained = await child.communicate()
            rate, done = _RATE.search(said), _DONE.search(said)
            if child.returncode or rate is None or done is None:
                raise Lost(f"pgbench ended with {child.returncode}: {complained.decode()[-1000:]}")
            took = await asyncio.to_thread(_took, folder)
        if await _counted(postgres) - before != int(done[1]):
            raise Lost("pgbench's own transactions do not add up")
        return Sample(float(rate[1]), took)

    return run


def _took(folder: Path) -> list[float]:
    """Seconds of each transaction, from the logs of all of pgbench's threads."""
    return [int(line.split(" ", 3)[2]) / 1e6 for log in folder.glob("log.*") for line in log.read_text("utf-8").splitlines()]


async def _counted(postgres: Postgres) -> int:
    (row,) = await postgres.ask("SELECT (SELECT used FROM reference.pool) AS used, (SELECT count(*) FROM reference.holding) AS held")
    if row["used"] != row["held"]:
        raise Lost(f"pgbench: the row says {row['used']}, {row['held']} were inserted")
    return int(row["used"])
