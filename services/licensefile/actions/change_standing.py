"""Move an installed file to another standing and tell everybody. Its version rises, so that no reader mistakes the order."""

from dataclasses import replace

from services.licensefile import store
from services.licensefile.domain.installed import InstalledFile
from services.licensefile.domain.standing import Standing
from shared.contracts.events.licensefile import LicenseFileStateChanged
from shared.kit.transaction import Transaction


async def change_standing(tx: Transaction, file: InstalledFile, standing: Standing, *, silent: bool = False) -> None:
    """Nothing happens when the file stands so already. ``silent``: another event of this transaction tells it. The turn is taken."""
    if standing == file.standing:
        return
    changed = replace(file, standing=standing, version=file.version + 1)
    await store.save_standing(tx, changed)
    if silent:
        return
    tx.publish(
        LicenseFileStateChanged(
            cluster=changed.cluster,
            license_file_id=changed.license_file_id,
            version=changed.version,
            state=standing.shown_state,
            granting=standing.granting,
            reason=standing.shown_reason,
            grace_ends_at=standing.grace_ends_at if standing.mismatch else None,
            changed_at=tx.now,
        )
    )
