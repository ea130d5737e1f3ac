"""Take the units of files that did not fit their cluster for the whole of their grace."""

from datetime import timedelta

from services.licensefile import store
from services.licensefile.actions.change_standing import change_standing
from services.licensefile.domain.standing import standing
from shared.kit.transaction import Transaction


async def end_grace(tx: Transaction, grace: timedelta) -> None:
    """Every mismatched file whose grace is over."""
    await store.take_turn(tx)
    for file in await store.files_whose_grace_ended(tx, tx.now):
        await change_standing(tx, file, standing(file.standing, file.expires_on, file.standing.mismatch, tx.now, grace))
