"""What is refused is remembered as unmet demand, in the transaction that refuses it, and told with everything that would help."""

from collections.abc import Sequence
from datetime import datetime

from services.ledger.domain.demand import Demanded, demands_of
from services.ledger.domain.refusals import UnitsLacking
from services.ledger.domain.ways_out import explain
from services.ledger.store import demand
from shared.kit.direct import Direct


async def record_refusals(direct: Direct, cluster: str, refused: Sequence[Demanded], at: datetime) -> None:
    """Complete each refusal by its ways out, before it is told to anybody. The cluster's pool must be locked."""
    if not refused:
        return
    returnable = await demand.record(direct, cluster, demands_of(refused), at)
    for one in refused:
        if isinstance(one.refusal, UnitsLacking):
            explain(one.refusal, returnable)
