"""Everything in one process, as ``make run`` starts it, with a database of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.ledger.postgres import Postgres, new_folder
from bench.ledger.processes import EMBEDDED, Program, without_settings
from bench.ledger.tally import Tally
from shared.kit.data_folder import SOCKET_FOLDER
from tests.system.instance import Place, free_port
from tests.system.product import mac, users_of

_UNITS = 1_000_000


@dataclass
class Embedded:
    """A running instance."""

    place: Place
    postgres: Postgres
    tally: Tally

    @property
    def port(self) -> int:
        return self.place.port

    @property
    def headers(self) -> dict[str, str]:
        return self.place.key("admin.key")

    async def make_cluster(self, name: str) -> str:
        """With a file of the instance's own vendor."""
        async with users_of(self.place) as product:
            await product.make_cluster(name, mac(1), starter=False)
            await product.install(name, await product.file_for(mac(1), 1, _UNITS))
        return name


@asynccontextmanager
async def embedded_beside(bin_dir: Path) -> AsyncIterator[Embedded]:
    """Started and ready; ended and forgotten afterwards. ``bin_dir``: of the programs that look at its database."""
    with new_folder() as folder:
        place = Place(folder / "data", free_port())
        program = Program(EMBEDDED, place.port, {**without_settings(), **place.environment}, folder / "embedded.log")
        program.start()
        try:
            await program.ready()
            password = (place.data / "secrets" / "database-password").read_text("utf-8").strip()
            postgres = Postgres(folder, place.data / SOCKET_FOLDER, bin_dir, password)
            yield Embedded(place, postgres, Tally(postgres))
        finally:
            program.stop()
