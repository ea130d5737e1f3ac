"""The first caller of a scope, whose key lies in a file: the way in before anybody could have made a caller.

The file rules, because whoever may write it owns the installation: a lost file is replaced by one with a new key (the old
key ends), a file put back makes its key valid again. A first caller that was deleted while others of its scope exist stays
deleted: that was somebody's decision.
"""

from collections.abc import Callable

from gateway import store
from gateway.domain.caller import Caller
from gateway.domain.key import digest_of, new_key
from gateway.tables import CallerRow
from shared.kit.transaction import Transaction


async def keep_first_caller(tx: Transaction, first: Caller, key: str | None, keep: Callable[[str], None]) -> bool:
    """Make the key of ``first`` the one in its file (``key``, None: no file; ``keep`` writes one).

    False where it stays deleted, or where its name is by now that of a caller of another scope.
    """
    known = await store.find(tx, first.name)
    if known is not None and known.scope != first.scope:
        return False
    if known is None and await store.lock_scope(tx, first.scope):
        return False
    if key is None:
        key = new_key()
        keep(key)  # before the commit: a key that is in the store and nowhere else would lock everybody out
    if known is None:
        await store.add(
            tx,
            CallerRow(caller=first.name, scope=first.scope, key_digest=digest_of(key), created_at=tx.now, created_by="installation"),
        )
    else:
        await store.replace_key(tx, first.name, digest_of(key))
    return True
