"""A cluster whose license manager is stopped takes no license file, and gives none back."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Stop:
    """The license manager as the ledger just said. ``license_manager``: the node that holds the role, where it can be started."""

    cluster: str
    license_manager: str | None
    stopped_by: str
    stopped_at: datetime


@dataclass
class LicenseManagerStopped(Exception):
    """The cluster's license manager is stopped; nothing was installed or retired."""

    cluster: str
    license_manager: str | None
    stopped_by: str
    stopped_at: datetime

    def __str__(self) -> str:
        where = f"node {self.license_manager!r}" if self.license_manager else "any of its nodes, for none holds the role now"
        return (
            f"The license manager of {self.cluster!r} was stopped by {self.stopped_by!r} at {self.stopped_at:%Y-%m-%dT%H:%M:%SZ}; "
            f"no license file is installed or retired until it is started. Start the service license-manager on {where}, then try again."
        )


def check_started(stop: Stop | None) -> None:
    """Raises LicenseManagerStopped."""
    if stop is not None:
        raise LicenseManagerStopped(stop.cluster, stop.license_manager, stop.stopped_by, stop.stopped_at)
