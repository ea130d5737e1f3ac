"""What was acknowledged, and what is counted after every figure.

Must not be broken: the tally says what callers were told and nothing else, and a figure that the database does not agree with is none.
"""

from dataclasses import dataclass, field

from bench.figures import Lost
from bench.ledger.load import Answered, Load
from bench.ledger.postgres import Postgres

_HELD = """
    SELECT (SELECT used FROM ledger.pool WHERE cluster = $1 AND feature = 'PHONE_UNIT') AS used,
           (SELECT coalesce(sum(units), 0) FROM ledger.device WHERE cluster = $1)::bigint AS held
"""
_JOURNAL = "SELECT used FROM ledger.journal_entry WHERE cluster = $1 AND feature = 'PHONE_UNIT' ORDER BY sequence DESC LIMIT 1"


@dataclass
class Tally:
    """``units``: acknowledged, by cluster. ``runs`` makes the names of each load's devices its own."""

    postgres: Postgres
    units: dict[str, int] = field(default_factory=dict)
    runs: int = 0

    def check_outs(self, cluster: str, port: int, headers: dict[str, str], connections: int, seconds: float) -> Load:
        """New devices of one unit, each by a request of its own; their names begin as no others do."""
        self.runs += 1
        path, body = f"/v1/clusters/{cluster}/devices/{{device}}", '{"device_type":"cisco-7902"}'
        return Load(port, "PUT", path, headers, connections, seconds, 201, body, prefix=f"SEP{self.runs:04d}")

    async def acknowledged(self, cluster: str, load: Load, answered: Answered) -> None:
        """Note what a load was told, and compare with what is there, name by name. Raises Lost."""
        told = answered.names(load)
        rows = await self.postgres.ask("SELECT device FROM ledger.device WHERE cluster = $1 AND device LIKE $2", cluster, f"{load.prefix}-%")
        there = {row["device"] for row in rows}
        if told != there:
            raise Lost(f"{cluster}: {len(told - there)} acknowledged and not there, {len(there - told)} there and not acknowledged")
        self.units[cluster] = self.units.get(cluster, 0) + len(told)
        await self.check(cluster)

    async def check(self, cluster: str) -> str:
        """What was counted. Raises Lost unless tally, pool, holdings and journal say the same."""
        (row,) = await self.postgres.ask(_HELD, cluster)
        said = {"acknowledged": self.units.get(cluster, 0), "used": row["used"], "holdings": row["held"]}
        if await self.has_journal():
            last = await self.postgres.ask(_JOURNAL, cluster)
            said["journal"] = last[0]["used"] if last else 0
        if len(set(said.values())) != 1:
            raise Lost(f"{cluster}: {said}")
        return f"{' = '.join(said)} = {row['used']}"

    async def has_journal(self) -> bool:
        """Whether this release of the ledger keeps one."""
        return bool((await self.postgres.ask("SELECT to_regclass('ledger.journal_entry') IS NOT NULL AS there"))[0]["there"])
