"""The cluster as a license file sees it, and the one rule about versions that acceptance and standing share."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.licensefile.domain.lines import FileLine
from services.licensefile.domain.network_service import Stop
from shared.license_file.features import SOFTWARE_MAJOR, SW_FEATURE, major_of


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the ledger said. ``macs``: of its nodes, 12 upper-case hexadecimal digits. ``license_file_ids``: those the ledger knows.

    ``stop``: its license manager is stopped.
    """

    name: str
    version: int
    product_version: str
    macs: tuple[str, ...]
    license_file_ids: frozenset[str] = frozenset()
    stop: Stop | None = None

    @property
    def major(self) -> int:
        return major_of(self.product_version)


def lowest_major(feature: str, cluster_major: int) -> int:
    """The lowest major that a line of ``feature`` may have on a cluster.

    Up to 5.x it is the cluster's own. From 6.x on unit and node lines of 5.x stay good, and only the software license follows.
    """
    return cluster_major if feature == SW_FEATURE else min(cluster_major, SOFTWARE_MAJOR - 1)


def too_low(lines: Sequence[FileLine], cluster: Cluster) -> list[FileLine]:
    """The granting lines that are for too low a major. Lines that grant nothing have no say.

    A file that also holds units or nodes is good without its software license: the ledger asks for that by itself.
    """
    granting = [line for line in lines if line.grants]
    software_only = all(line.feature == SW_FEATURE for line in granting)
    bound = [line for line in granting if line.feature != SW_FEATURE or software_only or cluster.major < SOFTWARE_MAJOR]
    return [line for line in bound if line.major < lowest_major(line.feature, cluster.major)]
