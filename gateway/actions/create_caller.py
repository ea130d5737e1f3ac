"""Make a caller and its key. The key leaves with the answer and stays nowhere."""

from gateway import store
from gateway.domain.caller import Caller, CallerExists, check_same_side
from gateway.domain.key import digest_of, new_key
from gateway.tables import CallerRow
from shared.contracts.bodies.gateway import CreatedCaller, NewCaller
from shared.kit.transaction import Transaction


async def create_caller(tx: Transaction, wanted: NewCaller, scope_held: str) -> CreatedCaller:
    """Raises ForeignScope, CallerExists."""
    check_same_side(scope_held, Caller(wanted.caller, wanted.scope))
    key = new_key()
    row = CallerRow(caller=wanted.caller, scope=wanted.scope, key_digest=digest_of(key), created_at=tx.now, created_by=tx.caller)
    if not await store.add(tx, row):
        raise CallerExists(wanted.caller)
    return CreatedCaller(caller=row.caller, scope=wanted.scope, created_at=row.created_at, created_by=row.created_by, key=key)
