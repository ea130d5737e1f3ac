"""A license file's state changed: its units stay, or are taken back once."""

from services.ledger.actions.record_change import record_change
from services.ledger.domain.cluster import with_file_state
from services.ledger.domain.grants import LicenseFile
from services.ledger.domain.transitions import Limits
from services.ledger.store import clusters
from shared.contracts.events.ledger import GrantsChanged
from shared.contracts.events.licensefile import LicenseFileStateChanged
from shared.kit.logs import log_of
from shared.kit.transaction import Transaction

_log = log_of("ledger")


async def change_license_file(tx: Transaction, limits: Limits, event: LicenseFileStateChanged) -> None:
    """Answers with GrantsChanged for each state that was news. A file not installed yet is remembered in that state."""
    await clusters.lock_license_files(tx)
    owner = (await clusters.owners_of(tx, [event.license_file_id])).get(event.license_file_id, event.cluster)
    before = (await clusters.lock_all(tx, [owner])).get(owner)
    if before is None:
        _log.error("state-of-unknown-cluster", cluster=owner, license_file_id=event.license_file_id)
        return
    news = LicenseFile(event.license_file_id, event.version, event.state, event.granting, grace_ends_at=event.grace_ends_at)
    after = with_file_state(before, news)
    await record_change(tx, limits, before, after)
    file = after.grants.file(event.license_file_id)
    if file is not None and file != before.grants.file(event.license_file_id) and file.installed_at:
        granted = GrantsChanged(cluster=owner, license_file_id=file.license_file_id, version=file.version, granted=file.grants, at=tx.now)
        tx.publish(granted)
