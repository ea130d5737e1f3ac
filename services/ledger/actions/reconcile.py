"""The steps of a reconciliation: compared, applied, taken back; each of them one transaction, all or nothing.

Must not be broken: what a step changes goes through the cluster's pool and its journal like every other change, and the step's new state
is committed with it; so a step that was broken off is done again from its beginning, and one that was committed never twice.
"""

import asyncio
from collections import Counter as Counted
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from services.ledger.actions.record_change import origin_of
from services.ledger.actions.record_refusals import record_refusals
from services.ledger.actions.tell_pool import Refused, change_of, refusal_of
from services.ledger.domain.changes import write_stage
from services.ledger.domain.demand import Demanded
from services.ledger.domain.devices import Counter
from services.ledger.domain.inventory import TooManyDifferences
from services.ledger.domain.pool import PHONE_UNIT
from services.ledger.domain.reconciliation import Applying, Difference, Reverting
from services.ledger.domain.transitions import Limits, advance
from services.ledger.store import devices, differences, network_services, reconciliations
from services.ledger.store.devices import Loaded
from services.ledger.store.reconciliations import Reconciliation
from shared.kit.direct import DirectTransaction

_AT_A_STRETCH = 500
_TOLD_EVERY = 5_000
_REMEMBERED_AT_ONCE = 2_000
Tell = Callable[[int, int], Awaitable[None]]
"""Told how many of how many are done, while the step is not committed yet."""

_KINDS = ("missing", "ghost", "wrong_type", "re_price", "elsewhere", "problem")


async def compare_inventory(tx: DirectTransaction, one: Reconciliation) -> None:
    """Received → compared, or applying where no dry run was asked for. Raises TooManyDifferences."""
    summary = await differences.compare(tx, one.reconciliation_id, one.cluster)
    if sum(summary[kind]["devices"] for kind in _KINDS if kind in summary) > differences.MOST_DIFFERENCES:
        raise TooManyDifferences(differences.MOST_DIFFERENCES)
    await reconciliations.finish(tx, one, "compared" if one.dry_run else "applying", summary, one.lines, None)


async def apply_differences(tx: DirectTransaction, limits: Limits, one: Reconciliation, tell: Tell) -> None:
    """Applying → applied. Raises LicenseManagerStopped: it waits for the start."""
    await devices.lock_pool(tx, one.cluster)  # before the differences are read beside what the devices are now
    await network_services.check_cluster_started(tx, one.cluster)
    rows = await differences.to_apply(tx, one.reconciliation_id, one.cluster)
    loaded = await _load(tx, one.cluster, rows)
    fold = Applying(Counter(loaded.desk))
    await _run(fold.run(rows), len(rows), tell)
    await differences.remember_ghosts(tx, one.reconciliation_id, one.cluster)
    await _keep(tx, limits, one, loaded, fold, f"reconciliation {one.reconciliation_id}")
    summary = {**one.summary, "outcomes": Counted(result.outcome for result in fold.results)}
    await reconciliations.finish(tx, one, "applied", summary, len(rows), loaded.state.pool.used)


async def revert_differences(tx: DirectTransaction, limits: Limits, one: Reconciliation, tell: Tell) -> None:
    """Reverting → reverted. Raises LicenseManagerStopped."""
    assert one.used_before is not None
    await devices.lock_pool(tx, one.cluster)
    await network_services.check_cluster_started(tx, one.cluster)
    rows = await differences.to_revert(tx, one.reconciliation_id, one.cluster)
    loaded = await _load(tx, one.cluster, rows)
    fold = Reverting(Counter(loaded.desk), one.used_before)
    await _run(fold.run(rows), len(rows), tell)
    await _keep(tx, limits, one, loaded, fold, f"revert of reconciliation {one.reconciliation_id}")
    await differences.bring_back_ghosts(tx, one.reconciliation_id, one.cluster)
    outcomes = Counted[str](one.summary.get("outcomes", {}))
    outcomes.pop("applied", None)
    outcomes.update(result.outcome for result in fold.results)
    await reconciliations.finish(tx, one, "reverted", {**one.summary, "outcomes": outcomes}, len(rows), one.used_before)


async def _load(tx: DirectTransaction, cluster: str, rows: Sequence[Difference]) -> Loaded:
    holdings = [holding for row in rows for holding in (row.held, row.wanted) if holding is not None]
    names = {row.device for row in rows} | {holding.adjunct_of for holding in holdings if holding.adjunct_of is not None}
    return await devices.load(tx, cluster, devices.Concerned(names, {holding.device_type for holding in holdings}))


async def _run(fold: Iterator[int], total: int, tell: Tell) -> None:
    for done in fold:
        if done % _AT_A_STRETCH == 0:
            await asyncio.sleep(0)
        if done % _TOLD_EVERY == 0:
            await tell(done, total)


async def _keep(
    tx: DirectTransaction, limits: Limits, one: Reconciliation, loaded: Loaded, fold: Applying | Reverting, reason: str
) -> None:
    """Everything that a fold changed: devices, pool, journal, events, and what became of each difference."""
    at, trace, origin = loaded.pen.at, one.trace, origin_of(one.trace)

    async def enter() -> None:
        for number, done in enumerate(fold.changes, 1):
            holding = done.after or done.before
            assert holding is not None
            loaded.pen.write("reconcile", holding.device, done.pool, origin, before=done.before, after=done.after, reason=reason)
            if number % _AT_A_STRETCH == 0:
                await asyncio.sleep(0)

        if state.rung != loaded.state.rung:
            write_stage(loaded.pen, state, origin)

    state, transitions = advance(loaded.state, fold.counter.pool, limits, at)
    if state != loaded.state:
        for fact in change_of(one.cluster, state, transitions, at):
            tx.publish(fact, at, trace)
    for start in range(0, len(fold.refused), _REMEMBERED_AT_ONCE):
        some = fold.refused[start : start + _REMEMBERED_AT_ONCE]
        await record_refusals(tx, one.cluster, [Demanded(PHONE_UNIT, r.device, r.device_type, r.refusal) for r in some], at)
    for refused in _refusals(fold):
        tx.publish(refusal_of(one.cluster, state, refused, at), at, trace)
    if fold.changes:
        written = await devices.write(tx, state, loaded, fold.counter.holdings, enter())
        assert written, "nobody writes the journal of a cluster whose pool is ours"
    async for _ in differences.mark(tx, one.reconciliation_id, fold.results):
        await asyncio.sleep(0)


def _refusals(fold: Applying | Reverting) -> list[Refused]:
    """One for all that were asked the same and refused by the same rule."""
    found: dict[Any, Refused] = {}
    for one in fold.refused:
        error = one.refusal
        found.setdefault((error.rule, error.asked), Refused(one.device, error, one.free, 0)).count += 1
    return list(found.values())
