"""Take the units of files whose last day is over."""

from datetime import timedelta

from services.licensefile import store
from services.licensefile.actions.change_standing import change_standing
from services.licensefile.domain.standing import standing
from shared.kit.transaction import Transaction


async def expire(tx: Transaction, grace: timedelta) -> None:
    """Every granting file that was valid through yesterday (UTC) at the latest."""
    await store.take_turn(tx)
    for file in await store.files_past(tx, tx.now.date()):
        await change_standing(tx, file, standing(file.standing, file.expires_on, file.standing.mismatch, tx.now, grace))
