"""In which state does an installed file stand? One answer for every occasion: a change of its cluster, the clock, a person.

Grace runs from the first mismatch ever and is never restarted. A file whose units were taken back for it never gets them again.
The revocation of a key lies over all this and changes nothing beneath: grace and expiry go on, and when it is lifted the file stands
where it would stand without.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from services.licensefile.domain.cluster import Cluster, too_low
from services.licensefile.domain.lines import FileLine

FileState = Literal["installed", "superseded", "expired", "host_mismatch", "version_mismatch", "retired", "grace_exceeded"]
ShownState = FileState | Literal["key_revoked"]
MismatchState = Literal["host_mismatch", "version_mismatch"]

GRANTING: frozenset[FileState] = frozenset({"installed", "host_mismatch", "version_mismatch"})
"""States in which the units stay, unless a revocation takes them; all others are final."""
INSTALLED = "It fits its cluster."


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The file does not fit its cluster any more."""

    state: MismatchState
    reason: str


@dataclass(frozen=True, slots=True)
class Revocation:
    """A key that signed the file is revoked. ``keeps_granting``: the file is flagged only."""

    reason: str
    keeps_granting: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """A state, why, and the grace's beginning and end as far as it ever began; the revocation that lies over it."""

    state: FileState
    reason: str
    mismatch_since: datetime | None = None
    grace_ends_at: datetime | None = None
    revocation: Revocation | None = None

    def __post_init__(self) -> None:
        assert (self.mismatch_since is None) == (self.grace_ends_at is None)  # paired with CHECK license_file_grace_has_both_ends
        mismatched = self.state in ("host_mismatch", "version_mismatch", "grace_exceeded")
        assert not mismatched or self.mismatch_since is not None  # paired with CHECK license_file_mismatch_has_grace

    @property
    def is_final(self) -> bool:
        return self.state not in GRANTING

    @property
    def granting(self) -> bool:
        return not self.is_final and (self.revocation is None or self.revocation.keeps_granting)

    @property
    def shown_state(self) -> ShownState:
        """As everybody is told. What is final is told as what it is: a revocation takes nothing from it."""
        return "key_revoked" if self.revocation and not self.is_final else self.state

    @property
    def shown_reason(self) -> str:
        if self.revocation is None or self.is_final:
            return self.reason
        return f"{self.revocation.reason} Besides: {self.reason}" if self.mismatch else self.revocation.reason

    @property
    def mismatch(self) -> Mismatch | None:
        if self.state == "host_mismatch" or self.state == "version_mismatch":
            return Mismatch(self.state, self.reason)
        return None


def mismatch_of(mac: str, lines: Sequence[FileLine], cluster: Cluster) -> Mismatch | None:
    """Why the file does not fit the cluster; a missing host is told before a version, for nothing else helps against it.

    Lines that grant nothing have no say.
    """
    granting = [line for line in lines if line.grants]
    if not all(line.is_bound_to(cluster.macs) for line in granting):
        return Mismatch("host_mismatch", f"No node of {cluster.name!r} has the MAC {mac} that the file is bound to.")
    if low := too_low(granting, cluster):
        text = f"The cluster is at {cluster.product_version}, but the file's {low[0].feature} line is for version {low[0].version}."
        return Mismatch("version_mismatch", text)
    return None


def standing(now_is: Standing, expires_on: date | None, mismatch: Mismatch | None, at: datetime, grace: timedelta) -> Standing:
    """The standing from ``at`` (UTC) on. What is final stays; expiry goes before the end of grace, and that before a mismatch."""
    if now_is.is_final:
        return now_is
    since, ends = now_is.mismatch_since, now_is.grace_ends_at
    if expires_on and at.date() > expires_on:
        return replace(now_is, state="expired", reason=f"It was valid through {expires_on} 23:59:59 UTC. Ask the vendor for a new file.")
    if mismatch is None:
        return replace(now_is, state="installed", reason=INSTALLED) if now_is.mismatch else now_is
    if since is None or ends is None:
        since, ends = at, at + grace
    if at >= ends:
        text = f"{mismatch.reason} Its grace ended on {ends:%Y-%m-%d %H:%M:%S} UTC, so its units were taken back. Have it re-hosted."
        return replace(now_is, state="grace_exceeded", reason=text, mismatch_since=since, grace_ends_at=ends)
    if now_is.state == mismatch.state:
        return now_is
    return replace(now_is, state=mismatch.state, reason=mismatch.reason, mismatch_since=since, grace_ends_at=ends)
