"""State every license file of a PAK in one signed text, so that whoever holds files can prove that none is missing."""

from services.registration.actions.desk import Desk
from services.registration.domain.license_file import LicenseFile
from services.registration.store import files, orders
from shared.kit.problems import NotFound
from shared.kit.transaction import Transaction
from shared.license_file.statement import StatedFile, Statement


async def state_order(tx: Transaction, desk: Desk, pak: str) -> bytes:
    """The statement as of now: whatever was made, moved or returned before is in it. Raises NotFound (the PAK)."""
    # Held, so that no file of it is under way: each has its instant before its commit.
    order = await orders.order_of_pak(tx, pak, lock=True)
    if order is None:
        raise NotFound("PAK", pak)
    made = tuple(map(_stated, await files.all_files_of_order(tx, order.order_id)))
    return desk.key.state(Statement(pak, str(order.order_id), order.nodes, order.units, tx.now, made))


def _stated(file: LicenseFile) -> StatedFile:
    return StatedFile(
        license_file_id=file.license_file_id,
        share=file.share,
        nodes=file.nodes,
        units=file.units,
        mac=file.mac,
        replaces=file.replaces,
        voids=file.voids,
        returned_at=file.returned_at,
        sha256=file.sha256,
    )
