"""Keep what the ledger says about the grants of a file."""

from services.licensefile import store
from shared.contracts.events.ledger import GrantsChanged
from shared.kit.transaction import Transaction


async def keep_granted(tx: Transaction, event: GrantsChanged) -> None:
    """The latest version wins, and of one version the latest moment. Grants that are no files (the starter) are not kept here."""
    await store.save_granted(tx, event.license_file_id, event.version, event.granted, event.at)
