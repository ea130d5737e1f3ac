"""A license file was accepted: its lines grant once, and what it replaces grants nothing from the same moment on."""

from dataclasses import replace

from services.ledger.actions.record_change import record_change
from services.ledger.domain.cluster import Cluster, with_file, without_replaced
from services.ledger.domain.grants import Grants, LicenseFile, Line
from services.ledger.domain.transitions import Limits
from services.ledger.store import clusters
from shared.contracts.events.ledger import GrantsChanged
from shared.contracts.events.licensefile import LicenseFileInstalled
from shared.kit.logs import log_of
from shared.kit.transaction import Transaction

_log = log_of("ledger")


async def install_license_file(tx: Transaction, limits: Limits, event: LicenseFileInstalled) -> None:
    """Answers with GrantsChanged for this file and for each that it took the units from, whichever cluster that is in."""
    await clusters.lock_license_files(tx)
    replaced = [old for old in event.replaces if old != event.license_file_id]
    owners = await clusters.owners_of(tx, [event.license_file_id, *replaced])
    before = await clusters.lock_all(tx, [event.cluster, *owners.values()])
    owner = owners.get(event.license_file_id, event.cluster)
    elsewhere = owner != event.cluster and _is_installed(before[owner], event.license_file_id)
    if event.cluster not in before or elsewhere:
        # licensefile asks here before it accepts a file: only a restored or foreign database can come to this.
        _log.error("grant-refused", cluster=event.cluster, license_file_id=event.license_file_id, owner=owner)
        if not elsewhere:  # what the true owner was told of its file must stand
            _tell(tx, event.cluster, event.license_file_id, event.version, granted=False)
        return
    after = dict(before)
    if owner != event.cluster:
        after = _handed_over(after, event.license_file_id, owner, event.cluster)
    after[event.cluster] = with_file(after[event.cluster], _file(event), _lines(event))
    for old in replaced:
        holder = owners.get(old, event.cluster)
        after[holder] = without_replaced(after[holder], old)
    for name, cluster in after.items():
        await record_change(tx, limits, before[name], cluster)
    _answer(tx, event, before, after)


def _is_installed(cluster: Cluster, license_file_id: str) -> bool:
    file = cluster.grants.file(license_file_id)
    return file is not None and file.installed_at is not None


def _handed_over(found: dict[str, Cluster], license_file_id: str, owner: str, heir: str) -> dict[str, Cluster]:
    """What was remembered of a file under another cluster, which never installed it, belongs to the one that does."""
    file = found[owner].grants.file(license_file_id)
    assert file is not None
    rest = tuple(other for other in found[owner].grants.files if other != file)
    given = found[heir].grants
    return {
        **found,
        owner: replace(found[owner], grants=replace(found[owner].grants, files=rest)),
        heir: replace(found[heir], grants=Grants((*given.files, file), given.lines)),
    }


def _file(event: LicenseFileInstalled) -> LicenseFile:
    return LicenseFile(
        license_file_id=event.license_file_id,
        version=event.version,
        state="installed",
        granting=True,
        file_name=event.file_name,
        mac=event.mac,
        installed_at=event.installed_at,
        expires_at=event.expires_at,
        migration_id=event.migration_id,
    )


def _lines(event: LicenseFileInstalled) -> tuple[Line, ...]:
    """A line grants once, also within its file: of two with the same id the first counts."""
    whose = event.license_file_id
    found: dict[int, Line] = {}
    for x in event.lines:
        found.setdefault(x.line_id, Line("file", whose, x.line_id, x.feature, x.units, x.overdraft_units, x.major, granting=True))
    return tuple(found.values())


def _answer(tx: Transaction, event: LicenseFileInstalled, before: dict[str, Cluster], after: dict[str, Cluster]) -> None:
    for name, cluster in after.items():
        for file in cluster.grants.files:
            known = before[name].grants.file(file.license_file_id)
            own = file.license_file_id == event.license_file_id
            if (own and known != file) or (known is not None and known.grants != file.grants):
                _tell(tx, name, file.license_file_id, file.version, granted=file.grants)


def _tell(tx: Transaction, cluster: str, license_file_id: str, version: int, *, granted: bool) -> None:
    tx.publish(GrantsChanged(cluster=cluster, license_file_id=license_file_id, version=version, granted=granted, at=tx.now))
