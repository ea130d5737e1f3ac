"""Installed files, the situation of their cluster, and what is foretold of it."""

from datetime import UTC, datetime, timedelta

from services.licensefile.domain.cluster import Cluster
from services.licensefile.domain.installed import InstalledFile, accepted
from services.licensefile.domain.pre_flight.foresight import Foresight, foretell
from services.licensefile.domain.pre_flight.situation import Change, Node, Pool, Situation, changed
from shared.license_file.lines import LicenseLine
from shared.license_file.writing import write_file
from tests.unit.licensefile.made import MAC, OTHER_MAC, both_lines, offered

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
GRACE = timedelta(days=30)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def installed(*lines: LicenseLine, cluster: Cluster | None = None, **changes: object) -> InstalledFile:
    """A file of these lines, or of a node line (15) and a unit line (1000 with 50), accepted on its cluster."""
    offer = offered(write_file(lines or tuple(both_lines(**changes))))
    return accepted(offer, cluster or Cluster("headquarters", 1, "5.0", (MAC, OTHER_MAC)), NOW - 100 * DAY, "ada")


def situation(*files: InstalledFile, version: str = "5.0", used: int = 900, starter: bool = False) -> Situation:
    """Two nodes, ``used`` units in use, and all files counted."""
    units = sum(line.units or 0 for file in files for line in file.lines if line.feature == "PHONE_UNIT")
    overdraft = sum(line.overdraft_units for file in files for line in file.lines)
    nodes = sum(line.units or 0 for file in files for line in file.lines if line.feature == "CCM_NODE")
    return Situation(
        cluster=Cluster("headquarters", 1, version, (MAC, OTHER_MAC)),
        nodes=(Node("cm1", MAC, True), Node("cm2", OTHER_MAC, False)),
        pools=(Pool("CCM_NODE", nodes, 0, 2), Pool("PHONE_UNIT", units, overdraft, used)),
        files=files,
        counted=frozenset(file.license_file_id for file in files),
        starter=starter,
    )


def foreseen(now_is: Situation, at: datetime = NOW, mac: str | None = None, version: str | None = None) -> Foresight:
    return foretell(now_is, changed(now_is, Change(at, mac, version), {}), NOW, at, GRACE)
