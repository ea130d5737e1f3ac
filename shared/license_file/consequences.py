"""What follows for a cluster from its license files: how a pool stands, who is license manager, whether the software is licensed.

One rule for all who tell it and all who foretell it: the ledger decides by these functions, and a pre-flight that used others would lie.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from shared.license_file.features import SOFTWARE_MAJOR, SW_FEATURE

PoolStatus = Literal["within", "overdraft", "exhausted", "beyond_allowance"]


def pool_status(authorized: int, overdraft_allowed: int, used: int) -> PoolStatus:
    """The state of a pool of so many units."""
    overdraft = used - authorized
    if overdraft <= 0:
        return "within"
    if overdraft > overdraft_allowed:
        return "beyond_allowance"
    return "exhausted" if overdraft == overdraft_allowed else "overdraft"


def license_manager_mac(first_mac: str | None, node_macs: Collection[str], file_macs: Sequence[str]) -> str | None:
    """The MAC of the node in the role. ``file_macs``: of the granting files, the oldest file first.

    Before any file the first node; then the first node if a file bears its MAC, else the bearer of the oldest granting file. Files whose
    server is gone give it to nobody.
    """
    if first_mac and (not file_macs or first_mac in file_macs):
        return first_mac
    return next((mac for mac in file_macs if mac in node_macs), first_mac)


def licenses_software(feature: str, *, by_migration: bool) -> bool:
    """Whether a granting line licenses the software of its major; the grant of a migration, provisional or as a file, includes it."""
    return feature == SW_FEATURE or by_migration


def software_major(cluster_major: int, *, under_starter: bool, licensing: Iterable[int]) -> int:
    """The highest major whose software is licensed, 0 for none. ``licensing``: the majors of granting lines that license software."""
    return cluster_major if under_starter else max(licensing, default=0)


def software_missing(cluster_major: int, licensed_major: int) -> bool:
    """Whether new check-outs are refused for want of a software license; before 6.x there is none."""
    return cluster_major >= SOFTWARE_MAJOR and licensed_major < cluster_major
