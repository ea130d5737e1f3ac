"""The heads of journals are told: whoever keeps one elsewhere can prove later that nothing before it was written anew."""

from services.ledger.store import heads
from shared.contracts.events.ledger import JournalHeadPublished
from shared.kit.logs import log_of
from shared.kit.transaction import Transaction

_log = log_of("ledger")


async def publish_heads(tx: Transaction) -> None:
    """Logged and published for every cluster whose head moved since the last time."""
    for cluster, head in await heads.take_moved(await tx.direct()):
        _log.info("journal-head", cluster=cluster, entries=head.sequence, head=str(head), at=head.at.isoformat())
        tx.publish(JournalHeadPublished(cluster=cluster, entries=head.sequence, head=str(head), at=head.at))
