"""What this service hears: how clusters change, and what became of grants."""

from datetime import timedelta

from services.licensefile import store
from services.licensefile.actions.follow_cluster import follow_cluster
from services.licensefile.actions.keep_granted import keep_granted
from services.licensefile.domain.cluster import Cluster
from shared.contracts.events.ledger import ClusterChanged, GrantsChanged
from shared.kit.consumers import Consumers
from shared.kit.transaction import Transaction


def consumers_of(grace: timedelta) -> Consumers:
    """The handlers; ``grace``: how long a file grants that does not fit its cluster any more."""
    consumers = Consumers()

    @consumers.on(ClusterChanged)
    async def on_cluster_changed(tx: Transaction, event: ClusterChanged) -> None:
        await store.take_turn(tx)
        macs = tuple(node.mac for node in event.nodes)
        await follow_cluster(tx, Cluster(event.cluster, event.version, event.product_version, macs), grace)

    @consumers.on(GrantsChanged)
    async def on_grants_changed(tx: Transaction, event: GrantsChanged) -> None:
        await keep_granted(tx, event)

    return consumers
