"""A file that was accepted: what it was made of, and how it stands."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from services.licensefile.domain.cluster import Cluster
from services.licensefile.domain.lines import FileLine
from services.licensefile.domain.offer import Offer
from services.licensefile.domain.standing import INSTALLED, Standing

_LAST_SECOND = time(23, 59, 59, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class InstalledFile:
    """``version`` counts its standings from 1. ``expires_on``: the first last day among its granting lines.

    ``granted``: as the ledger last said.
    """

    license_file_id: str
    cluster: str
    file_name: str
    mac: str
    digest: str
    sha256: str
    size_bytes: int
    replaces: tuple[str, ...]
    migration_id: str | None
    expires_on: date | None
    installed_at: datetime
    installed_by: str
    version: int
    standing: Standing
    lines: tuple[FileLine, ...]
    granted: bool = False
    superseded_by: str | None = None

    def __post_init__(self) -> None:
        assert self.version >= 1  # paired with CHECK license_file_version_positive

    @property
    def expired_from(self) -> datetime | None:
        """The first moment (UTC) at which it is expired; None for a file that is good as long as there are dates."""
        if self.expires_on is None or self.expires_on == date.max:
            return None
        return datetime.combine(self.expires_on + timedelta(days=1), time.min, UTC)

    @property
    def expires_at(self) -> datetime | None:
        """The last second of validity."""
        return datetime.combine(self.expires_on, _LAST_SECOND) if self.expires_on else None


def accepted(offer: Offer, cluster: Cluster, at: datetime, by: str) -> InstalledFile:
    """The file that an offer without any reason against it becomes. It is as good as the first of its granting lines to expire."""
    (file_id,) = offer.license_file_ids
    granting = [line for line in offer.lines if line.grants]
    mac = next(host_id for host_id in granting[0].host_ids if host_id in cluster.macs)
    return InstalledFile(
        license_file_id=file_id,
        cluster=cluster.name,
        file_name=offer.file_name,
        mac=mac,
        digest=offer.digest,
        sha256=offer.sha256,
        size_bytes=len(offer.content),
        replaces=offer.replaces,
        migration_id=offer.migration_id,
        expires_on=min((line.expires_on for line in granting if line.expires_on), default=None),
        installed_at=at,
        installed_by=by,
        version=1,
        standing=Standing("installed", INSTALLED),
        lines=offer.lines,
    )
