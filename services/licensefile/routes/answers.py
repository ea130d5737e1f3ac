"""Files, lines and verdicts as the contract shows them."""

from collections.abc import Sequence
from typing import Any

from services.licensefile.domain.installed import InstalledFile
from services.licensefile.domain.lines import FileLine, grants_of
from services.licensefile.domain.offer import Offer
from services.licensefile.domain.reasons import MOST_REASONS_SHOWN, Reason
from shared.contracts.bodies.ledger import ClusterBody, ReportedLicenseFile
from shared.contracts.bodies.licensefile import GrantBody, LicenseFileBody, LicenseFileVerdict, LicenseLineBody
from shared.contracts.events.licensefile import RefusalReason
from shared.license_file.features import CCM_NODE, PHONE_UNIT

MOST_LINES_SHOWN = 100
"""Of a file that is only judged; a megabyte of the shortest lines would be answered with ten."""


def line_body(line: FileLine) -> LicenseLineBody:
    return LicenseLineBody(
        line=line.position,
        line_id=line.line_id,
        feature=line.feature,
        version=line.version,
        units=line.units,
        overdraft_units=line.overdraft_units,
        expires_on=line.expires_on,
        host_ids=list(line.host_ids),
        original_mac=line.original_mac,
        pak=line.pak,
        order_count=line.order_count,
        key_id=line.key_id,
        grants=line.grants,
    )


def grant_bodies(lines: Sequence[FileLine]) -> list[GrantBody]:
    return [GrantBody(feature=g.feature, units=g.units, overdraft_units=g.overdraft_units) for g in grants_of(lines)]


def file_members(file: InstalledFile) -> dict[str, Any]:
    """The members of a LicenseFileBody. A state that grants nothing is shown as not granted at once, before the ledger says so."""
    how = file.standing
    return {
        "license_file_id": file.license_file_id,
        "cluster": file.cluster,
        "file_name": file.file_name,
        "state": how.shown_state,
        "reason": how.shown_reason,
        "granted": file.granted and how.granting,
        "version": file.version,
        "mac": file.mac,
        "lines": [line_body(line) for line in file.lines],
        "grants": grant_bodies(file.lines),
        "expires_at": file.expires_at,
        "mismatch_since": how.mismatch_since,
        "grace_ends_at": how.grace_ends_at if how.mismatch else None,
        "replaces": list(file.replaces),
        "superseded_by": file.superseded_by,
        "migration_id": file.migration_id,
        "installed_at": file.installed_at,
        "installed_by": file.installed_by,
        "size_bytes": file.size_bytes,
        "sha256": file.sha256,
    }


def starter_body(cluster: ClusterBody, starter: ReportedLicenseFile) -> LicenseFileBody:
    """The starter license, which is no file, as one of the list."""
    grants = [
        GrantBody(feature=PHONE_UNIT, units=starter.units, overdraft_units=starter.overdraft_units),
        GrantBody(feature=CCM_NODE, units=starter.nodes, overdraft_units=0),
    ]
    return LicenseFileBody(
        license_file_id=starter.license_file_id,
        cluster=cluster.cluster,
        file_name="Starter license",
        state="starter",
        reason="Every new cluster has it. Each feature of it ends with the first installed file that has the feature.",
        granted=starter.granted,
        version=1,
        mac=None,
        lines=[],
        grants=[grant for grant in grants if grant.units or grant.overdraft_units],
        expires_at=None,
        mismatch_since=None,
        grace_ends_at=None,
        replaces=[],
        superseded_by=None,
        migration_id=None,
        installed_at=cluster.created_at,
        installed_by="system",
        size_bytes=None,
        sha256=None,
    )


def reason_bodies(reasons: Sequence[Reason]) -> list[RefusalReason]:
    return [RefusalReason(code=reason.code, line=reason.line, text=reason.text) for reason in reasons]


def verdict_body(offer: Offer, reasons: tuple[Reason, ...]) -> LicenseFileVerdict:
    return LicenseFileVerdict(
        verdict="refused" if reasons else "accepted",
        license_file_id=next(iter(offer.license_file_ids), None),
        file_name=offer.shown_name,
        reasons=reason_bodies(reasons[:MOST_REASONS_SHOWN]),
        reasons_total=len(reasons),
        lines=[line_body(line) for line in offer.lines[:MOST_LINES_SHOWN]],
        lines_total=len(offer.lines),
        grants=grant_bodies(offer.lines),
    )
