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

    def prefix(self) -> str:
        """With which no name began so far."""
        self.runs += 1
        return f"SEP{self.runs:04d}"

    def check_outs(self, cluster: str, port: int, headers: dict[str, str], connections: int, seconds: float) -> Load:
        """New devices of one unit, each by a request of its own; their names begin as no others do."""
        path, body = f"/v1/clusters/{cluster}/devices/{{device}}", '{"device_type":"cisco-7902"}'
        return Load(port, "PUT", path, headers, connections, seconds, 201, body, prefix=self.prefix())

    async def acknowledged(self, cluster: str, load: Load, answered: Answered) -> None:
        """Note what a load was told, and compare with what is there. Raises Lost."""
        await self.told(cluster, load.prefix, answered.names(load))

    async def told(self, cluster: str, prefix: str, names: set[str]) -> None:
        """Note these names as checked out, one unit each, and compare with what is there, name by name. Raises Lost."""
        rows = await self.postgres.ask("SELECT device FROM ledger.device WHERE cluster = $1 AND device LIKE $2", cluster, f"{prefix}-%")
        there = {row["device"] for row in rows}
        if names != there:
            raise Lost(f"{cluster}: {len(names - there)} acknowledged and not there, {len(there - names)} there and not acknowledged")
        self.units[cluster] = self.units.get(cluster, 0) + len(names)

    async def check(self, cluster: str) -> str:
        """What was counted. Raises Lost unless tally, pool, holdings and journal say the same."""
        (row,) = await self.postgres.ask(_HELD, cluster)
        last = await self.postgres.ask(_JOURNAL, cluster)
        said = {"acknowledged": self.units.get(cluster, 0), "used": row["used"], "holdings": row["held"], "journal": last[0]["used"]}
        if len(set(said.values())) != 1:
            raise Lost(f"{cluster}: {said}")
        return f"{' = '.join(said)} = {row['used']}"
