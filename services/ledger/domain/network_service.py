"""The network service *Cisco License Manager* of a cluster: whether it is started, by whom and since when.

The state is the cluster's: it stays when the role of license manager moves to another node, and only the node that holds the role then
is spoken to. Stopped, nothing of the cluster is changed by a caller; what holds units keeps them, and no lease runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from services.ledger.domain.refusals import NotDone

LICENSE_MANAGER = "license-manager"
"""The service's name."""

Switch = Literal["start", "stop", "restart"]


@dataclass(frozen=True, slots=True)
class NetworkService:
    """``version``: how often it was switched; since when it is as it is, by whom and on which node: None where it never was."""

    version: int = 0
    stopped: bool = False
    since: datetime | None = None
    by: str | None = None
    node: str | None = None

    def __post_init__(self) -> None:
        assert (self.version == 0) == (self.since is None)  # paired with CHECK cluster_service_switched_at_a_time
        assert (self.since is None) == (self.by is None) == (self.node is None)  # paired with CHECK cluster_service_switched_by_somebody
        assert not self.stopped or self.version > 0  # paired with CHECK cluster_service_begins_started


@dataclass(frozen=True, slots=True)
class Stop:
    """What whoever is refused has to know. ``license_manager``: the node that holds the role now, where it can be started again."""

    cluster: str
    license_manager: str | None
    stopped_by: str
    stopped_at: datetime


@dataclass
class LicenseManagerStopped(NotDone):
    """The cluster's license manager is stopped: there is nobody to hand units out, to take them back, or to change anything."""

    cluster: str
    license_manager: str | None
    stopped_by: str
    stopped_at: datetime

    def __str__(self) -> str:
        where = f"node {self.license_manager!r}" if self.license_manager else "any of its nodes, for none holds the role now"
        return (
            f"The license manager of {self.cluster!r} was stopped by {self.stopped_by!r} at {self.stopped_at:%Y-%m-%dT%H:%M:%SZ}. Until it "
            "is started nothing is checked out, checked in or changed; devices keep the units that they hold. "
            f"Start the service license-manager on {where}, then try again."
        )


@dataclass
class LicenseManagerElsewhere(Exception):
    """The license manager is switched on the node that holds its role, and this one does not."""

    cluster: str
    node: str
    license_manager: str

    def __str__(self) -> str:
        return (
            f"Node {self.node!r} does not hold the license manager role of {self.cluster!r}, node {self.license_manager!r} does. Nothing "
            f"was changed; start, stop or restart the service on {self.license_manager!r}."
        )


def stop_of(service: NetworkService, cluster: str, license_manager: str | None) -> Stop | None:
    """None while it is started."""
    if not service.stopped:
        return None
    assert service.by is not None
    assert service.since is not None
    return Stop(cluster, license_manager, service.by, service.since)


def check_started(stop: Stop | None) -> None:
    """Raises LicenseManagerStopped."""
    if stop is not None:
        raise LicenseManagerStopped(stop.cluster, stop.license_manager, stop.stopped_by, stop.stopped_at)


def check_holder(cluster: str, node: str, license_manager: str | None) -> None:
    """Raises LicenseManagerElsewhere. Where no node holds the role every node will do, or a stopped cluster could not be started again."""
    if license_manager is not None and license_manager != node:
        raise LicenseManagerElsewhere(cluster, node, license_manager)


def switched(before: NetworkService, switch: Switch, at: datetime, by: str, node: str) -> NetworkService:
    """The service afterwards. What is as wanted already stays as it is: who stopped it first has stopped it. A restart is always one."""
    if switch != "restart" and before.stopped == (switch == "stop"):
        return before
    return NetworkService(before.version + 1, switch == "stop", at, by, node)


def content_of(service: NetworkService) -> dict[str, Any]:
    """As JSON has it."""
    since = service.since.isoformat() if service.since else None
    return {"version": service.version, "stopped": service.stopped, "since": since, "by": service.by, "node": service.node}


def service_of(content: Mapping[str, Any]) -> NetworkService:
    """From what ``content_of`` made of it."""
    since = datetime.fromisoformat(content["since"])
    return NetworkService(content["version"], content["stopped"], since, content["by"], content["node"])
