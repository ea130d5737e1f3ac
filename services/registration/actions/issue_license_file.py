"""Make a license file: an id of its own, its lines signed, its bytes kept as they are given out, and its way to its address begun."""

import hashlib

from services.registration.actions.desk import Desk
from services.registration.domain.desk_act import Act
from services.registration.domain.license_file import Content, LicenseFile, comment_of, id_of, lines_of, next_id
from services.registration.domain.order import Order
from services.registration.store import deliveries, files, record
from shared.kit.transaction import Transaction
from shared.license_file.writing import write_file


async def issue_license_file(
    tx: Transaction, desk: Desk, order: Order, content: Content, email: str, reason: str | None = None
) -> LicenseFile:
    """The new file. The order is locked by the caller, and of a re-host before it the file that it comes from."""
    now = tx.now
    license_file_id = next_id(now, await files.ids_from(tx, id_of(now)))
    lines = [desk.key.sign(line) for line in lines_of(order, content, license_file_id)]
    data = write_file(lines, comment_of(order, content))
    file = LicenseFile(
        license_file_id=license_file_id,
        order_id=order.order_id,
        share=content.share,
        nodes=content.nodes,
        units=content.units,
        overdraft_units=content.overdraft_units,
        mac=content.mac,
        original_mac=content.original_mac,
        email=email,
        replaces=content.replaces,
        reason=reason,
        sha256=hashlib.sha256(data).hexdigest(),
        made_by=tx.caller,
        made_at=now,
        key_id=desk.key.key_id,
        voids=content.voids,
    )
    await files.add_license_file(tx, file, data)
    act: Act = "license_registered" if file.replaces is None else "license_rehosted"
    await record.keep(tx, act, order.order_id, at=now, license_file_id=license_file_id, reason=reason)
    if desk.mails:
        await deliveries.add_delivery(tx, license_file_id, email, None)
    return file
