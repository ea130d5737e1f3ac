"""Make a license file again for another server: same content, new host id, and every ancestor named so that it is void."""

from services.registration import store
from services.registration.actions.issue_license_file import issue_license_file
from services.registration.clients.signing_key import SigningKey
from services.registration.domain.license_file import Content, LicenseFile, ancestors_of, check_rehost
from shared.contracts.bodies.registration import NewRehost
from shared.kit.problems import NotFound
from shared.kit.transaction import Transaction
from shared.license_file.mac import normalize_mac


async def rehost(tx: Transaction, key: SigningKey, wanted: NewRehost) -> LicenseFile:
    """The successor. Raises InvalidMac, NotFound, AlreadyRehosted, SameMac, RehostLimitReached."""
    mac = normalize_mac(wanted.mac)
    file = await store.lock_file(tx, wanted.license_file_id)
    if file is None:
        raise NotFound("license file", wanted.license_file_id)
    ancestors = ancestors_of(file.license_file_id, await store.replacements_in(tx, file.order_id, file.share))
    check_rehost(file, ancestors, mac)
    order = await store.find_order(tx, file.order_id)
    assert order is not None
    content = Content(
        share=file.share,
        nodes=file.nodes,
        units=file.units,
        overdraft_units=file.overdraft_units,
        mac=mac,
        original_mac=file.original_mac,
        ancestors=(file.license_file_id, *ancestors),
    )
    return await issue_license_file(tx, key, order, content, wanted.email, wanted.reason)
