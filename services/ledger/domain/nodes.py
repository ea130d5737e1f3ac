"""Which node is the first, which holds the role of license manager, and which may be added.

The first node is always admitted, else no license file could ever match; but only while the cluster has none, or naming ever
new first nodes would mint nodes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.ledger.domain.grants import LicenseFile
from services.ledger.domain.pool import Pool, check_out
from services.ledger.domain.refusals import FirstNodeRequired, ProvisioningFrozen
from shared.license_file.consequences import license_manager_mac


@dataclass(frozen=True, slots=True)
class Node:
    """A call-processing server; ``mac``: twelve upper-case hexadecimal digits."""

    node: str
    mac: str
    first: bool


def first_node(nodes: Iterable[Node]) -> Node | None:
    return next((node for node in nodes if node.first), None)


def put_node(nodes: tuple[Node, ...], name: str, mac: str, first: bool | None) -> tuple[Node, ...]:
    """The nodes with this one as wanted, by name. Left out, ``first`` stays as it was, and a new node is first if none is.

    Raises FirstNodeRequired.
    """
    known = next((node for node in nodes if node.node == name), None)
    if known and known.first and first is False:
        raise FirstNodeRequired(name)
    if first is None:
        first = known.first if known else first_node(nodes) is None
    others = (replace(node, first=False) if first else node for node in nodes if node.node != name)
    return tuple(sorted((*others, Node(name, mac, first)), key=lambda node: node.node))


def admit_node(pool: Pool, nodes: tuple[Node, ...], *, becomes_first: bool, covered: int | None) -> None:
    """May one more node join? ``covered``: nodes that a migration counted, None unless frozen.

    Raises UnitsExhausted, ProvisioningFrozen.
    """
    if becomes_first and first_node(nodes) is None:
        return
    if covered is not None and len(nodes) >= covered:
        raise ProvisioningFrozen(1, None, covered, len(nodes), free=pool.free)
    check_out(pool, 1)


def license_manager(nodes: tuple[Node, ...], files: Iterable[LicenseFile]) -> str | None:
    """The name of the node that holds the role."""
    granting = sorted((file for file in files if file.grants), key=lambda file: (file.installed_at, file.license_file_id))
    first = first_node(nodes)
    bearers = {node.mac: node.node for node in nodes}
    mac = license_manager_mac(first.mac if first else None, bearers, [file.mac for file in granting])
    return bearers[mac] if mac else None
