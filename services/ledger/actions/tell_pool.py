"""The facts about a pool: one that it changed for each committed change, one for each transition, one for each refusal."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from services.ledger.domain.refusals import Refusal
from services.ledger.domain.transitions import PoolState, Transition
from shared.contracts.events.ledger import (
    LimitApproached,
    LimitReceded,
    OverdraftEntered,
    OverdraftLeft,
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


def tell_change(tx: Transaction, cluster: str, state: PoolState, transitions: Iterable[Transition]) -> None:
    """Publish that the pool changed into ``state``, and what became true by it."""
    facts = _facts(cluster, state, tx.now)
    tx.publish(PoolChanged(**facts, status=state.pool.status))
    for transition in transitions:
        tx.publish(_FACTS[transition](**facts))


def tell_refusal(tx: Transaction, cluster: str, state: PoolState, name: str, refusal: Refusal) -> None:
    """Publish that a check-out for ``name`` was refused; the pool stays as it is."""
    facts = _facts(cluster, state, tx.now)
    detail = str(refusal)
    tx.publish(RequestRefused(**facts, name=name, asked=refusal.asked, free=state.pool.free, rule=refusal.rule, detail=detail))


def _facts(cluster: str, state: PoolState, at: datetime) -> dict[str, Any]:
    return {
        "cluster": cluster,
        "feature": state.pool.feature,
        "version": state.version,
        "authorized": state.pool.authorized,
        "overdraft_allowed": state.pool.overdraft_allowed,
        "used": state.pool.used,
        "at": at,
    }
