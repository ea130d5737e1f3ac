"""Retire a file by hand: its units are taken back, its bytes and its history stay, and it can never be installed again."""

from dataclasses import replace

from services.licensefile import store
from services.licensefile.actions.change_standing import change_standing
from shared.kit.problems import NotFound
from shared.kit.transaction import Transaction


async def retire(tx: Transaction, cluster: str, file_id: str) -> None:
    """Raises NotFound. A file that is retired or superseded already stays as it is."""
    await store.take_turn(tx)
    file = await store.find(tx, cluster, file_id)
    if file is None:
        raise NotFound("license file", file_id)
    if file.standing.state in ("retired", "superseded"):
        return
    reason = f"It was retired by {tx.caller}. It can never be installed again; ask the vendor for another file."
    await change_standing(tx, file, replace(file.standing, state="retired", reason=reason))
