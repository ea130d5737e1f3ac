"""The calculator's prices, as a copy. The newest version counts, whatever the order of arrival."""

from services.ledger.store import catalogue
from shared.contracts.events.calculator import CataloguePublished
from shared.kit.transaction import Transaction


async def keep_catalogue(tx: Transaction, published: CataloguePublished) -> None:
    """Holdings keep their units; a new price applies when a device is put again."""
    if await catalogue.claim_version(tx, published.version):
        await catalogue.replace_prices(tx, [(rated.device_type, rated.units, rated.adjunct_units) for rated in published.device_types])
