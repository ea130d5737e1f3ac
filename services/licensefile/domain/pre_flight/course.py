"""How an installed file will stand, from now to its end, when its cluster changes at a given moment.

It asks the very functions by which files are moved (``mismatch_of``, ``standing``): what is foretold is what will be done.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.licensefile.domain.cluster import Cluster
from services.licensefile.domain.installed import InstalledFile
from services.licensefile.domain.standing import Mismatch, Standing, mismatch_of, standing


@dataclass(frozen=True, slots=True)
class Step:
    """From ``at`` on the file stands so."""

    at: datetime
    standing: Standing


@dataclass(frozen=True, slots=True)
class Course:
    """``before``: as it stands now. ``steps``: every later standing, in time. ``changed_at``: when the change is made."""

    file: InstalledFile
    before: Standing
    changed_at: datetime
    steps: tuple[Step, ...]

    def at(self, moment: datetime) -> Standing:
        """The standing at ``moment``, which is not before now."""
        return next((step.standing for step in reversed(self.steps) if step.at <= moment), self.before)

    @property
    def after(self) -> Standing:
        """The standing once the change is made."""
        return self.at(self.changed_at)

    @property
    def ends_at(self) -> datetime | None:
        """When its units are taken back; None if they stay, or are gone already."""
        return next((step.at for step in self.steps if not step.standing.granting), None) if self.before.granting else None

    @property
    def breaks(self) -> bool:
        """Whether it is in trouble after the change that it is not in now."""
        return self.after.state not in ("installed", self.before.state)


def course_of(file: InstalledFile, cluster: Cluster, changed: Cluster, now: datetime, at: datetime, grace: timedelta) -> Course:
    """The file on ``cluster`` until ``at``, and on ``changed`` from then on for ever; ``now`` <= ``at``."""
    mismatch = mismatch_of(file.mac, file.lines, cluster)
    before = stands = standing(file.standing, file.expires_on, mismatch, now, grace)
    steps: list[Step] = []
    if (end := _end_of(file, stands, mismatch, grace)) and end.at <= at:
        steps.append(end)
        stands = end.standing
    mismatch = mismatch_of(file.mac, file.lines, changed)
    after = standing(stands, file.expires_on, mismatch, at, grace)
    if after != stands:
        steps.append(Step(at, after))
    if end := _end_of(file, after, mismatch, grace):
        steps.append(end)
    return Course(file, before, at, tuple(steps))


def _end_of(file: InstalledFile, stands: Standing, mismatch: Mismatch | None, grace: timedelta) -> Step | None:
    """When and how a file ends that is not final, if nothing else happens to it; also beneath a revocation."""
    ends = [end for end in (file.expired_from, stands.grace_ends_at if stands.mismatch else None) if end]
    if stands.is_final or not ends:
        return None
    return Step(min(ends), standing(stands, file.expires_on, mismatch, min(ends), grace))
