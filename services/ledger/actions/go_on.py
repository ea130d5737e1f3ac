"""Reconciliations go on where they stand: in the process that was asked, and after its end in any other.

Must not be broken: of all processes one does a step, and in a process one step is done at a time, which bounds what it takes of memory.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context

from services.ledger.actions.reconcile import apply_differences, compare_inventory, revert_differences
from services.ledger.domain.inventory import TooManyDifferences
from services.ledger.domain.network_service import LicenseManagerStopped
from services.ledger.domain.transitions import Limits
from services.ledger.store import reconciliations
from shared.kit.database import Database
from shared.kit.logs import log_of
from shared.kit.store_faults import is_store_failure
from shared.kit.tasks import ended

_log = log_of("reconciliations")
_MOST_ATTEMPTS = 5
_LONGEST_STATEMENT_SECONDS = 60
Report = Callable[[BaseException, str], Awaitable[None]]


class Reconciler:
    """Does the steps of reconciliations beside the requests that ask for them."""

    def __init__(self, database: Database, limits: Limits, report: Report) -> None:
        self._database = database
        self._limits = limits
        self._report = report
        self._one_at_a_time = asyncio.Lock()
        self._running: dict[str, asyncio.Task[None]] = {}

    async def go_on(self, reconciliation_id: str, seconds: float) -> None:
        """Do what there is to do for it; after ``seconds`` it goes on without its caller."""
        task = self._running.get(reconciliation_id)
        if task is None:
            # In a context of its own: it is not part of the request that happened to begin it.
            task = asyncio.get_running_loop().create_task(self._do(reconciliation_id), name="reconciliation", context=Context())
            self._running[reconciliation_id] = task
            task.add_done_callback(lambda _: self._running.pop(reconciliation_id, None))
        await asyncio.wait({task}, timeout=seconds)

    async def go_on_with_all(self) -> None:
        """Whatever waits for its next step, the oldest first: what another process, or an earlier one, left behind."""
        async with self._database.direct() as tx:
            waiting = await reconciliations.waiting(tx)
        for reconciliation_id in waiting:
            await self.go_on(reconciliation_id, seconds=600)

    async def close(self) -> None:
        """Break off what is under way: nothing of an unfinished step stays, and it is done again later."""
        await ended(list(self._running.values()))

    async def _do(self, reconciliation_id: str) -> None:
        try:
            async with self._one_at_a_time:
                while await self._step(reconciliation_id):
                    pass
        except LicenseManagerStopped as stopped:
            _log.info("reconciliation-waits", reconciliation_id=reconciliation_id, cluster=stopped.cluster)
        except TooManyDifferences as error:
            await self._fail(reconciliation_id, str(error))
        except Exception as error:
            await self._report(error, f"reconciliation {reconciliation_id}")
            if not is_store_failure(error):
                await self._count_attempt(reconciliation_id, error)

    async def _step(self, reconciliation_id: str) -> bool:
        async with self._database.direct() as tx:
            await tx.allow(_LONGEST_STATEMENT_SECONDS)
            one = await reconciliations.take_turn(tx, reconciliation_id)
            if one is None:
                return False

            async def tell(done: int, total: int) -> None:
                async with self._database.direct() as beside:
                    await reconciliations.progress(beside, reconciliation_id, done, total)

            if one.state == "received":
                await compare_inventory(tx, one)
            elif one.state == "applying":
                await apply_differences(tx, self._limits, one, tell)
            else:
                await revert_differences(tx, self._limits, one, tell)
        return True

    async def _count_attempt(self, reconciliation_id: str, error: Exception) -> None:
        async with self._database.direct() as tx:
            attempts = await reconciliations.count_attempt(tx, reconciliation_id)
        if attempts >= _MOST_ATTEMPTS:
            await self._fail(reconciliation_id, f"After {attempts} attempts: {type(error).__name__}. The log of the ledger says more.")

    async def _fail(self, reconciliation_id: str, failure: str) -> None:
        async with self._database.direct() as tx:
            await reconciliations.fail(tx, reconciliation_id, failure)
