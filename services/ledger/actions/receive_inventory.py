"""A cluster's whole inventory comes in, some thousand lines at a time, and waits to be compared."""

from collections.abc import AsyncIterator
from uuid import uuid4

from services.ledger.domain.inventory import InventoryAbandoned, InventoryUnreadable, ReconciliationUnderWay
from services.ledger.domain.refusals import CatalogueMissing
from services.ledger.store import catalogue, devices, network_services, reconciliations
from services.ledger.store.reconciliations import Line
from shared.kit.database import Database
from shared.kit.trace import current_trace


async def receive_inventory(database: Database, cluster: str, batches: AsyncIterator[list[Line]], *, dry_run: bool) -> str:
    """The id of the reconciliation. However slowly the lines come, no transaction waits for them.

    Raises NotFound, LicenseManagerStopped (not of a dry run), CatalogueMissing, ReconciliationUnderWay, InventoryAbandoned, and what
    reading the lines raises; nothing is kept then.
    """
    if await catalogue.version_in(database.engine) is None:
        raise CatalogueMissing
    made = f"{database.clock.now():%Y%m%d%H%M%S%f}-{uuid4().hex[:8]}"  # in their order by name
    async with database.direct() as tx:
        await devices.check_cluster(tx, cluster)
        if not dry_run:
            await network_services.check_cluster_started(tx, cluster)
        await reconciliations.lock(tx, cluster)
        if found := await reconciliations.at_work(tx, cluster):
            raise ReconciliationUnderWay(*found)
        await reconciliations.begin(tx, made, cluster, current_trace(), dry_run=dry_run)
    try:
        await _receive(database, made, batches)
    except BaseException:
        async with database.direct() as tx:
            await reconciliations.discard(tx, made)
        raise
    return made


async def _receive(database: Database, made: str, batches: AsyncIterator[list[Line]]) -> None:
    empty = True
    async for lines in batches:
        empty = False
        async with database.direct() as tx:
            if not await reconciliations.add_lines(tx, made, lines):
                raise InventoryAbandoned(made)
    if empty:
        raise InventoryUnreadable(0, "it names no device")
    async with database.direct() as tx:
        if not await reconciliations.enter(tx, made, "received", current_trace(), "receiving"):
            raise InventoryAbandoned(made)
