"""What a change would do to a cluster: file by file, pool by pool, and when. Nothing here is remembered anywhere."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.licensefile.domain.installed import InstalledFile
from services.licensefile.domain.lines import Grant, grants_of
from services.licensefile.domain.pre_flight.course import Course, course_of
from services.licensefile.domain.pre_flight.situation import Node, Pool, Situation
from services.licensefile.domain.standing import Standing
from shared.license_file.consequences import license_manager_mac, licenses_software, software_major, software_missing
from shared.license_file.features import FEATURES

MOST_MOMENTS = 200
"""Of the timeline; what comes of it in the end is told in any case."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """A cluster at one moment, with as many units in use as now. ``software_major``: the highest that is licensed, 0 for none."""

    pools: tuple[Pool, ...]
    license_manager: Node | None
    software_major: int
    software_missing: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """Something happens: these files stand otherwise from ``at`` on, and the cluster is so."""

    at: datetime
    moved: tuple[tuple[Course, Standing], ...]
    outlook: Outlook


@dataclass(frozen=True, slots=True)
class Loss:
    """Units of a feature that are taken back: until the change is made, that included, and afterwards."""

    feature: str
    units_at_once: int
    overdraft_units_at_once: int
    units_later: int
    overdraft_units_later: int


@dataclass(frozen=True, slots=True)
class Foresight:
    """``situation``, ``changed``: before and after. ``last``: once all has happened. ``moments``: the first of ``moments_total``."""

    situation: Situation
    changed: Situation
    at: datetime
    courses: tuple[Course, ...]
    before: Outlook
    after: Outlook
    last: Outlook
    losses: tuple[Loss, ...]
    moments: tuple[Moment, ...]
    moments_total: int


def foretell(situation: Situation, changed: Situation, now: datetime, at: datetime, grace: timedelta) -> Foresight:
    """``situation`` until ``at``, ``changed`` from then on; ``now`` <= ``at``."""
    courses = tuple(course_of(file, situation.cluster, changed.cluster, now, at, grace) for file in situation.files)
    instants = sorted({at, *(step.at for course in courses for step in course.steps)})

    def outlook(moment: datetime) -> Outlook:
        granting = [course.file for course in courses if course.at(moment).granting]
        return _outlook(changed if moment >= at else situation, granting)

    return Foresight(
        situation=situation,
        changed=changed,
        at=at,
        courses=courses,
        before=_outlook(situation, [course.file for course in courses if course.before.granting]),
        after=outlook(at),
        last=outlook(instants[-1]),
        losses=_losses(courses),
        moments=tuple(Moment(moment, _moved(courses, moment), outlook(moment)) for moment in instants[:MOST_MOMENTS]),
        moments_total=len(instants),
    )


def _moved(courses: Iterable[Course], moment: datetime) -> tuple[tuple[Course, Standing], ...]:
    return tuple((course, course.at(moment)) for course in courses if any(step.at == moment for step in course.steps))


def _outlook(situation: Situation, granting: Iterable[InstalledFile]) -> Outlook:
    """The cluster when of its files these alone grant."""
    files = sorted(granting, key=lambda file: (file.installed_at, file.license_file_id))
    left = {file.license_file_id for file in files}
    gone = [file for file in situation.files if file.license_file_id in situation.counted - left]
    taken = {grant.feature: grant for grant in grants_of(line for file in gone for line in file.lines)}
    first, bearers = situation.first_node, {node.mac: node for node in situation.nodes}
    mac = license_manager_mac(first.mac if first else None, bearers, [file.mac for file in files])
    licensing = [situation.provisional_major, *(major for file in files for major in _licensing(file, situation.migration_id))]
    major = software_major(situation.cluster.major, under_starter=situation.starter, licensing=licensing)
    return Outlook(
        pools=tuple(_without(pool, taken[pool.feature]) if pool.feature in taken else pool for pool in situation.pools),
        license_manager=bearers[mac] if mac else None,
        software_major=major,
        software_missing=software_missing(situation.cluster.major, major),
    )


def _licensing(file: InstalledFile, migration_id: str | None) -> Iterator[int]:
    """The majors whose software the file licenses."""
    by_migration = migration_id is not None and file.migration_id == migration_id
    return (line.major for line in file.lines if line.grants and licenses_software(line.feature, by_migration=by_migration))


def _without(pool: Pool, grant: Grant) -> Pool:
    """What the ledger said and what was kept here may be of two moments, and no pool is below nothing."""
    allowed = max(0, pool.overdraft_allowed - grant.overdraft_units)
    return replace(pool, authorized=max(0, pool.authorized - grant.units), overdraft_allowed=allowed)


def _losses(courses: Iterable[Course]) -> tuple[Loss, ...]:
    """Of the features of which anything is lost."""
    losing = [course for course in courses if course.before.granting and course.ends_at]
    at_once = _by_feature(course for course in losing if not course.after.granting)
    later = _by_feature(course for course in losing if course.after.granting)
    nothing = Grant("", 0, 0)
    found = ((feature, at_once.get(feature, nothing), later.get(feature, nothing)) for feature in FEATURES)
    return tuple(
        Loss(feature, soon.units, soon.overdraft_units, late.units, late.overdraft_units)
        for feature, soon, late in found
        if (soon, late) != (nothing, nothing)
    )


def _by_feature(courses: Iterable[Course]) -> dict[str, Grant]:
    return {grant.feature: grant for grant in grants_of(line for course in courses for line in course.file.lines)}
