"""A node joins a cluster, or changes its address or its place as first node."""

from services.ledger.actions.record_change import record_change
from services.ledger.actions.record_refusals import record_refusals
from services.ledger.actions.tell_pool import tell_refusal
from services.ledger.domain.cluster import Cluster, new_first_mac, with_node, without_starter
from services.ledger.domain.demand import Demanded
from services.ledger.domain.pool import CCM_NODE
from services.ledger.domain.refusals import MacInUse, Refusal
from services.ledger.domain.transitions import Limits
from services.ledger.store import clusters
from shared.kit.transaction import Transaction
from shared.license_file.mac import normalize_mac


async def put_node(tx: Transaction, limits: Limits, name: str, node: str, mac_text: str, first: bool | None) -> tuple[Cluster, bool]:
    """The cluster with the node, and whether the node is new. Raises InvalidMac, MacInUse, NotFound and what ``with_node`` raises."""
    mac = normalize_mac(mac_text)
    before = await clusters.lock(tx, name)
    known = next((n for n in before.nodes if n.node == node), None)
    if known is None or known.mac != mac:
        await _check_mac_free(tx, mac, known.mac if known else mac)
    try:
        after = with_node(before, node, mac, first)
    except Refusal as refusal:
        await record_refusals(await tx.direct(), name, [Demanded(CCM_NODE, node, "", refusal)], tx.now)
        tell_refusal(tx, name, before.pools[CCM_NODE], node, refusal)
        raise
    # The starter is given once for each server: elsewhere used up, it is taken back here, in the same transaction.
    claimed_mac = new_first_mac(before, after)
    if claimed_mac is not None and not await clusters.claim_starter(tx, claimed_mac, name):
        after = without_starter(after)
    return await record_change(tx, limits, before, after), known is None


async def _check_mac_free(tx: Transaction, mac: str, given_up: str) -> None:
    await clusters.lock_macs(tx, [mac, given_up])
    if bearer := await clusters.bearer_of(tx, mac):
        raise MacInUse(mac, *bearer)
