"""The reference for many rows at once: PostgreSQL's COPY of the same rows into a table with the indexes of the holdings."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from bench.figures import Lost, Sample
from bench.ledger.postgres import Postgres
from bench.ledger.stage import PRICES

_TABLE = """
    CREATE SCHEMA IF NOT EXISTS reference;
    CREATE TABLE IF NOT EXISTS reference.device (LIKE ledger.device INCLUDING ALL)
"""
_COLUMNS = ("cluster", "device", "device_type", "units", "checked_out_at")


@dataclass
class Copying:
    """Into one table that grows, as the measured one does."""

    postgres: Postgres
    copied: int = 0
    made: bool = False

    async def sample(self, devices: Sequence[tuple[str, str]], cluster: str = "copied") -> Sample:
        """One COPY of devices and their types, from the text to the commit; rows a second. Raises Lost."""
        self.copied += 1
        lines = [f"{cluster}-{self.copied}\t{device}\t{kind}\t{PRICES[kind]}\t2026-03-14 09:26:53Z\n" for device, kind in devices]
        text = BytesIO("".join(lines).encode())
        connection = await self.postgres.connect()
        try:
            if not self.made:
                await connection.execute(_TABLE)
                await connection.execute("TRUNCATE reference.device")
                self.made = True
            began = time.perf_counter()
            done = await connection.copy_to_table("device", schema_name="reference", columns=_COLUMNS, source=text)
            seconds = time.perf_counter() - began
        finally:
            await connection.close()
        if done != f"COPY {len(devices)}":
            raise Lost(f"COPY of {len(devices)} rows said {done}")
        return Sample(len(devices) / seconds, [seconds])
