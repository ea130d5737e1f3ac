"""Install an offered file, or refuse it and say so. One transaction with what it replaces, so its units never count twice."""

from dataclasses import replace
from datetime import timedelta

from services.licensefile import store
from services.licensefile.actions.change_standing import change_standing
from services.licensefile.actions.follow_cluster import follow_cluster
from services.licensefile.actions.verify import verify
from services.licensefile.domain.cluster import Cluster
from services.licensefile.domain.installed import InstalledFile, accepted
from services.licensefile.domain.network_service import check_started
from services.licensefile.domain.offer import Offer
from services.licensefile.domain.reasons import refused
from shared.contracts.events.licensefile import GrantLine, LicenseFileInstalled, LicenseFileRefused, RefusalReason
from shared.kit.transaction import Transaction


async def install(tx: Transaction, offer: Offer, asked: Cluster, grace: timedelta) -> InstalledFile:
    """The file as installed. ``asked``: the cluster as the ledger just said.

    Raises LicenseManagerStopped, and LicenseFileRefused with its event left to commit.
    """
    check_started(asked.stop)
    await store.take_turn(tx)
    newest = await follow_cluster(tx, asked, grace)
    cluster = replace(newest, license_file_ids=asked.license_file_ids)
    if reasons := await verify(tx, offer, cluster):
        refusal = refused(offer.shown_name, reasons)
        shown = [RefusalReason(code=r.code, line=r.line, text=r.text) for r in refusal.reasons]
        tx.publish(LicenseFileRefused(cluster=cluster.name, file_name=offer.shown_name, refused_at=tx.now, reasons=shown))
        raise refusal
    file = accepted(offer, cluster, tx.now, tx.caller)
    await store.add(tx, file, offer.content)
    await _supersede(tx, file)
    tx.publish(_installed(file))
    return file


async def _supersede(tx: Transaction, file: InstalledFile) -> None:
    """What the file replaces grants nothing from now on, and is remembered even where it never was installed.

    The event of the new file tells it within its cluster; for another cluster's file an event of its own must.
    """
    await store.remember_superseded(tx, file.replaces, file.license_file_id)
    for old in await store.files_of(tx, file.replaces):
        if old.standing.state != "retired":
            reason = f"It was replaced by {file.license_file_id} (a re-host, or made of its returned share), installed in {file.cluster!r}."
            standing = replace(old.standing, state="superseded", reason=reason)
            await change_standing(tx, old, standing, silent=old.cluster == file.cluster)


def _installed(file: InstalledFile) -> LicenseFileInstalled:
    return LicenseFileInstalled(
        cluster=file.cluster,
        license_file_id=file.license_file_id,
        version=file.version,
        file_name=file.file_name,
        mac=file.mac,
        installed_at=file.installed_at,
        expires_at=file.expires_at,
        lines=[
            GrantLine(
                line_id=line.line_id or 0,
                feature=line.feature,
                units=line.units or 0,
                overdraft_units=line.overdraft_units,
                major=line.major,
            )
            for line in file.lines
            if line.grants
        ],
        replaces=list(file.replaces),
        migration_id=file.migration_id,
    )
