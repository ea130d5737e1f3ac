"""The calculator's prices, as a copy. The newest version counts, whatever the order of arrival."""

from services.ledger.domain.inventory_rows import RatedType
from services.ledger.store import catalogue
from shared.contracts.events.calculator import CataloguePublished
from shared.kit.transaction import Transaction


async def keep_catalogue(tx: Transaction, published: CataloguePublished) -> None:
    """Holdings keep their units; a new price applies when a device is put again."""
    if await catalogue.claim_version(tx, published.version):
        types = [RatedType(t.device_type, t.units, t.adjunct_units, t.label, t.model_code) for t in published.device_types]
        await catalogue.replace_types(tx, types)
