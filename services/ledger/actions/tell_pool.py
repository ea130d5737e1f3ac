"""The facts about a pool: one that it changed for each committed change, one for each transition, one for each refusal."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.ledger.domain.refusals import Refusal
from services.ledger.domain.transitions import PoolState, Transition
from shared.contracts.events.ledger import (
    LimitApproached,
    LimitReceded,
    OverdraftEntered,
    OverdraftLeft,
    OverdraftStageReached,
    PoolChanged,
    PoolEvent,
    RequestRefused,
)
from shared.kit.transaction import Transaction

_FACTS: dict[Transition, type[PoolEvent]] = {
    "overdraft_entered": OverdraftEntered,
    "overdraft_left": OverdraftLeft,
    "limit_approached": LimitApproached,
    "limit_receded": LimitReceded,
}


def change_of(cluster: str, state: PoolState, transitions: Iterable[Transition], at: datetime) -> list[PoolEvent]:
    """That the pool changed into ``state``, and what became true by it."""
    facts = _facts(cluster, state, at)
    told = [_FACTS[each](**facts) if each != "stage_reached" else stage_of(cluster, state, at) for each in transitions]
    return [PoolChanged(**facts, status=state.pool.status), *told]


def stage_of(cluster: str, state: PoolState, at: datetime) -> OverdraftStageReached:
    """That an overdraft reached the stage that it stands on."""
    assert state.rung.since is not None
    more = {"since": state.rung.since, "stopped": state.rung.stopped, "allowance": state.overdraft_in_force}
    return OverdraftStageReached.model_validate({**_facts(cluster, state, at), **more})


@dataclass(slots=True)
class Refused:
    """A refusal, the first name that it was for, what was free then, and how many it stands for."""

    name: str
    refusal: Refusal
    free: int
    count: int = 1


def refusal_of(cluster: str, state: PoolState, refused: Refused, at: datetime) -> RequestRefused:
    """That a check-out was refused; ``state``: the pool after the batch that it was in."""
    told = {"name": refused.name, "free": refused.free, "count": refused.count}
    about = {"asked": refused.refusal.asked, "rule": refused.refusal.rule, "detail": str(refused.refusal)}
    return RequestRefused.model_validate({**_facts(cluster, state, at), **told, **about})


def tell_change(tx: Transaction, cluster: str, state: PoolState, transitions: Iterable[Transition]) -> None:
    """Publish that the pool changed into ``state``, and what became true by it."""
    for fact in change_of(cluster, state, transitions, tx.now):
        tx.publish(fact)


def tell_refusal(tx: Transaction, cluster: str, state: PoolState, name: str, refusal: Refusal) -> None:
    """Publish that a check-out for ``name`` was refused; the pool stays as it is."""
    tx.publish(refusal_of(cluster, state, Refused(name, refusal, state.pool.free), tx.now))


def _facts(cluster: str, state: PoolState, at: datetime) -> dict[str, Any]:
    return {
        "cluster": cluster,
        "feature": state.pool.feature,
        "version": state.version,
        "authorized": state.pool.authorized,
        "overdraft_allowed": state.pool.overdraft_allowed,
        "used": state.pool.used,
        "stage": state.rung.stage,
        "at": at,
    }
