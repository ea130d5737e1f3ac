"""What is foretold of a file is what then happens to it, whatever the change and the hours until it."""

from dataclasses import replace
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from services.licensefile.domain.cluster import Cluster
from services.licensefile.domain.installed import InstalledFile
from services.licensefile.domain.pre_flight.course import course_of
from services.licensefile.domain.standing import Standing, mismatch_of, standing
from tests.unit.licensefile.foreseen import DAY, GRACE, HOUR, NOW, installed
from tests.unit.licensefile.made import FOREIGN_MAC, MAC, OTHER_MAC

MACS = st.sampled_from([MAC, OTHER_MAC, FOREIGN_MAC])
VERSIONS = st.sampled_from(["4.2", "5.0", "6.0"])


@st.composite
def files_as_they_stand(draw: st.DrawFn) -> InstalledFile:
    """Installed on 4.2, perhaps expiring, perhaps with a grace that has begun, and as the service has followed it until now."""
    expiry = draw(st.none() | st.integers(-3, 60).map(lambda days: (NOW + days * DAY).date()))
    file = installed(
        version=draw(st.sampled_from(["4.0", "5.0", "6.0"])), mac=draw(MACS), cluster=Cluster("x", 1, "4.2", (MAC, OTHER_MAC, FOREIGN_MAC))
    )
    if since := draw(st.none() | st.integers(0, 40 * 24)):
        begun = NOW - since * HOUR
        file = replace(file, standing=Standing("installed", "It fits its cluster.", begun, begun + GRACE))
    return replace(file, expires_on=expiry)


def really(file: InstalledFile, cluster: Cluster, after: Cluster, at: datetime, until: datetime) -> list[tuple[datetime, str]]:
    """The states as timers and events make them, the clock being looked at every hour and the change made at ``at``."""
    stands = standing(file.standing, file.expires_on, mismatch_of(file.mac, file.lines, cluster), NOW, GRACE)
    seen: list[tuple[datetime, str]] = [(NOW, stands.state)]
    moment = NOW
    while moment <= until:
        mismatch = mismatch_of(file.mac, file.lines, after) if moment == at else stands.mismatch
        stands = standing(stands, file.expires_on, mismatch, moment, GRACE)
        if stands.state != seen[-1][1]:
            seen.append((moment, stands.state))
        moment += HOUR
    return seen


@given(
    file=files_as_they_stand(),
    macs=st.lists(MACS, max_size=2, unique=True),
    then=st.lists(MACS, max_size=2, unique=True),
    versions=st.tuples(VERSIONS, VERSIONS).map(sorted),
    hours=st.integers(0, 70 * 24),
)
def test_what_is_foretold_is_what_then_happens(
    file: InstalledFile, macs: list[str], then: list[str], versions: list[str], hours: int
) -> None:
    cluster, after = Cluster("hq", 1, versions[0], tuple(macs)), Cluster("hq", 2, versions[1], tuple(then))
    at = NOW + hours * HOUR
    course = course_of(file, cluster, after, NOW, at, GRACE)
    told = [(NOW, course.before.state)]
    for step in course.steps:
        if step.standing.state != told[-1][1]:
            told.append((step.at, step.standing.state))
    assert told == really(file, cluster, after, at, NOW + 140 * DAY)
    assert all(course.at(moment).state == state for moment, state in told if moment > NOW)
    ended = [moment for moment, state in told[1:] if state in ("expired", "grace_exceeded")]
    assert course.ends_at == (ended[0] if ended else None)
