"""Learn which keys are revoked, and let the files that they signed follow."""

from dataclasses import replace

from services.licensefile import store
from services.licensefile.actions.change_standing import change_standing
from services.licensefile.clients import Keyring
from services.licensefile.domain.keys import revocation_of, still_revoked
from shared.kit.transaction import Transaction


async def follow_keys(tx: Transaction, ring: Keyring, *, keep_granting: bool) -> None:
    """Every installed file is flagged while a key of it is revoked, and stands as it would without once that is taken back.

    ``keep_granting``: whether flagged files keep their units; another answer than before moves them too.
    """
    await store.take_turn(tx)
    known = await store.revoked_keys(tx)
    # A file that cannot be read may be the one that revokes.
    trusted = () if ring.unusable else ring.trusted.keys()
    revoked = still_revoked(known, ring.revoked, trusted, tx.now)
    if revoked != known:
        await store.replace_revoked_keys(tx, revoked.values())
    for file in await store.files_under_revocation(tx, revoked.keys()):
        revocation = revocation_of(file.lines, revoked, keeps_granting=keep_granting)
        await change_standing(tx, file, replace(file.standing, revocation=revocation))
