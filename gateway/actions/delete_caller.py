"""Delete a caller; its key opens nothing from then on. One that is gone already is no error."""

from gateway import store
from gateway.domain.caller import check_deletable, check_same_side
from shared.kit.transaction import Transaction


async def delete_caller(tx: Transaction, name: str, scope_held: str) -> None:
    """Raises ForeignScope, LastAdmin."""
    found = await store.find(tx, name)
    if found is None:
        return
    check_same_side(scope_held, found)
    check_deletable(found, await store.lock_scope(tx, found.scope))
    await store.remove(tx, name)
