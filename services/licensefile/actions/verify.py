"""Judge a file without keeping anything of it: no row, no event, no alarm."""

import asyncio

from services.licensefile import store
from services.licensefile.domain.cluster import Cluster
from services.licensefile.domain.offer import Offer
from services.licensefile.domain.reasons import Reason
from services.licensefile.domain.verdict import judge
from shared.kit.transaction import Transaction


async def verify(tx: Transaction, offer: Offer, cluster: Cluster) -> tuple[Reason, ...]:
    """All reasons for which an upload would be refused now; none if it would be accepted."""
    known = await store.known(tx, offer.license_file_ids)
    # A megabyte of the shortest lines has a quarter of a million faults: not on the loop that serves everybody else.
    return await asyncio.to_thread(judge, offer, cluster, known, tx.now.date())
