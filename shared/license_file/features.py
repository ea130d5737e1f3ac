"""What a line can license, and the major version at which the rules change. Only majors are ever compared."""

from typing import Final

PHONE_UNIT: Final = "PHONE_UNIT"
CCM_NODE: Final = "CCM_NODE"
SW_FEATURE: Final = "SW_FEATURE"
FEATURES: Final = (PHONE_UNIT, CCM_NODE, SW_FEATURE)

SOFTWARE_MAJOR: Final = 6
"""From this major on there is a software license, and it alone follows the cluster's major; before, units and nodes do."""


def major_of(version: str) -> int:
    """The major part of a version such as 6.1.2."""
    return int(version.partition(".")[0])
