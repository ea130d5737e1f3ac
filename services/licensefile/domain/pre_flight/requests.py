"""What to request of the vendor so that a change costs no units: for each file that would be in trouble, the one thing that helps."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from services.licensefile.domain.lines import grants_of
from services.licensefile.domain.pre_flight.course import Course
from services.licensefile.domain.pre_flight.foresight import Foresight
from services.licensefile.domain.pre_flight.situation import Situation
from services.licensefile.domain.standing import mismatch_of
from shared.license_file.features import CCM_NODE, PHONE_UNIT

Kind = Literal["rehost", "upgrade", "new_file", "software_license"]


@dataclass(frozen=True, slots=True)
class Request:
    """``license_file_id``: the file that it is about. ``mac``: the server that the new file must name, where one is known.

    ``nodes``, ``units``: what an order must hold; nothing of it is bought by a re-host.
    """

    kind: Kind
    license_file_id: str | None
    mac: str | None
    product_version: str
    nodes: int
    units: int
    text: str


def requests_of(foresight: Foresight) -> tuple[Request, ...]:
    """For each file in trouble after the change one, in the files' order; then the software license, unless one of those brings it."""
    troubled = [course for course in foresight.courses if course.after.shown_state != "installed"]
    found = [_of_file(course, foresight.changed) for course in troubled]
    if foresight.after.software_missing and all(request.kind == "rehost" for request in found):
        found.append(_of_software(foresight.changed))
    return tuple(found)


def _of_file(course: Course, changed: Situation) -> Request:
    file, mac = course.file, _target(course, changed)
    holds = {grant.feature: grant.units for grant in grants_of(file.lines)}
    ends = (
        f" Its units are taken back on {course.ends_at:%Y-%m-%d %H:%M:%S} UTC otherwise."
        if course.after.granting and course.ends_at
        else ""
    )
    version = changed.cluster.product_version
    request = Request("rehost", file.license_file_id, mac, version, holds.get(CCM_NODE, 0), holds.get(PHONE_UNIT, 0), "")
    if course.after.state == "expired":
        text = f"Order a new file in place of {file.license_file_id}, which was valid through {file.expires_on} 23:59:59 UTC."
        return replace(request, kind="new_file", text=text)
    # A re-host keeps the versions of the lines: it helps only if nothing but the host is wrong.
    rebound = [replace(line, host_ids=(mac,) if mac else ()) for line in file.lines]
    if (left := mismatch_of(file.mac, rebound, changed.cluster)) and left.state == "version_mismatch":
        text = f"Order an upgrade of {file.license_file_id} to version {version}: {left.reason} A re-host would not help.{ends}"
        return replace(request, kind="upgrade", text=text)
    text = f"Have {file.license_file_id} re-hosted to {mac or 'the MAC of a node of this cluster'}: {' '.join(_whys(course))}{ends}"
    return replace(request, nodes=0, units=0, text=text)


def _whys(course: Course) -> Iterator[str]:
    yield course.after.shown_reason
    if course.breaks:
        yield "It can be requested beforehand, and is uploaded once the change is made."


def _target(course: Course, changed: Situation) -> str | None:
    """The server for which the file is wanted: its own while that is a node, else the first node."""
    if course.file.mac in changed.cluster.macs:
        return course.file.mac
    first = changed.first_node or next(iter(changed.nodes), None)
    return first.mac if first else None


def _of_software(changed: Situation) -> Request:
    version, first = changed.cluster.product_version, changed.first_node
    text = (
        f"Order a software license for version {version}: without one of its major every new check-out is refused "
        "(software-license-missing); devices that hold units go on. Every order for that version brings one, also the smallest."
    )
    return Request("software_license", None, first.mac if first else None, version, 0, 1, text)
