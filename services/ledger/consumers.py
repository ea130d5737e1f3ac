"""What the ledger hears: prices from the calculator, license files from licensefile."""

from services.ledger.actions.change_license_file import change_license_file
from services.ledger.actions.install_license_file import install_license_file
from services.ledger.actions.keep_catalogue import keep_catalogue
from services.ledger.domain.transitions import Limits
from shared.contracts.events.calculator import CataloguePublished
from shared.contracts.events.licensefile import LicenseFileInstalled, LicenseFileStateChanged
from shared.kit.consumers import Consumers
from shared.kit.transaction import Transaction


def consumers_of(limits: Limits) -> Consumers:
    """The ledger's handlers. ``limits``: when a pool's limit counts as approached."""
    consumers = Consumers()
    consumers.on(CataloguePublished)(keep_catalogue)

    @consumers.on(LicenseFileInstalled)
    async def on_installed(tx: Transaction, event: LicenseFileInstalled) -> None:
        await install_license_file(tx, limits, event)

    @consumers.on(LicenseFileStateChanged)
    async def on_state_changed(tx: Transaction, event: LicenseFileStateChanged) -> None:
        await change_license_file(tx, limits, event)

    return consumers
