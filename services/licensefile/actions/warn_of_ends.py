"""Say in time that a file's units will be taken back: because it expires, or because its grace ends. Each step once, for ever."""

from services.licensefile import store
from services.licensefile.domain.installed import InstalledFile
from services.licensefile.domain.lines import grants_of
from services.licensefile.domain.warning import days_left, step_of
from shared.contracts.events.licensefile import GrantedUnits, LicenseFileExpiryApproached, LicenseFileGraceEndApproached
from shared.kit.logs import log_of
from shared.kit.transaction import Transaction

_log = log_of("license files")


async def warn_of_ends(tx: Transaction) -> None:
    """Every granting file that came nearer to an end than it was when it was warned of last."""
    await store.take_turn(tx)
    now = tx.now
    for file in await store.files_to_warn_of_expiry(tx, now):
        await _warn_of_expiry(tx, file)
    for file in await store.files_to_warn_of_grace(tx, now):
        await _warn_of_grace(tx, file)


async def _warn_of_expiry(tx: Transaction, file: InstalledFile) -> None:
    assert file.expires_at is not None
    days = days_left(file.expires_at, tx.now)
    if await store.claim_warning(tx, file.license_file_id, "expiry", step_of(days)):
        warning = {**_of_file(file), "days_left": days, "expires_at": file.expires_at, "warned_at": tx.now}
        tx.publish(LicenseFileExpiryApproached.model_validate(warning))
        _log.warning("license-file-expires", cluster=file.cluster, license_file_id=file.license_file_id, days_left=days)


async def _warn_of_grace(tx: Transaction, file: InstalledFile) -> None:
    how = file.standing
    assert how.grace_ends_at is not None
    days = days_left(how.grace_ends_at, tx.now)
    if await store.claim_warning(tx, file.license_file_id, "grace", step_of(days)):
        warning = {**_of_file(file), "days_left": days, "grace_ends_at": how.grace_ends_at, "warned_at": tx.now}
        tx.publish(LicenseFileGraceEndApproached.model_validate({**warning, "state": how.shown_state, "reason": how.shown_reason}))
        _log.warning("license-file-grace-ends", cluster=file.cluster, license_file_id=file.license_file_id, days_left=days)


def _of_file(file: InstalledFile) -> dict[str, object]:
    return {
        "cluster": file.cluster,
        "license_file_id": file.license_file_id,
        "version": file.version,
        "file_name": file.file_name,
        "mac": file.mac,
        "grants": [GrantedUnits(feature=g.feature, units=g.units, overdraft_units=g.overdraft_units) for g in grants_of(file.lines)],
    }
