"""Retire a file by hand: its units are taken back, its bytes and its history stay, and it can never be installed again."""

from dataclasses import replace

from services.licensefile import store
from services.licensefile.actions.change_standing import change_standing
from services.licensefile.domain.cluster import Cluster
from services.licensefile.domain.network_service import check_started
from shared.kit.problems import NotFound
from shared.kit.transaction import Transaction


async def retire(tx: Transaction, asked: Cluster, file_id: str) -> None:
    """``asked``: the cluster as the ledger just said. A file that is retired or superseded already stays as it is.

    Raises NotFound, LicenseManagerStopped.
    """
    await store.take_turn(tx)
    file = await store.find(tx, asked.name, file_id)
    if file is None:
        raise NotFound("license file", file_id)
    if file.standing.state in ("retired", "superseded"):
        return
    check_started(asked.stop)
    reason = f"It was retired by {tx.caller}. It can never be installed again; ask the vendor for another file."
    await change_standing(tx, file, replace(file.standing, state="retired", reason=reason))
