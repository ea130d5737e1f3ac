"""The journal is read from its first entry to its last, and every hash made anew."""

from dataclasses import dataclass

from services.ledger.domain.journal import Fault, Reader
from services.ledger.domain.refusals import InvalidHead
from services.ledger.store import journal, listings
from shared.kit.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Verdict:
    """``entries``: how many were read before the end or the first fault; ``head``: as it is kept beside them."""

    entries: int
    head: str
    fault: Fault | None


async def verify_journal(tx: Transaction, cluster: str, expected_head: str | None = None) -> Verdict:
    """``expected_head``: a head of this journal that was noted before, so that a tail written anew is seen.

    Raises NotFound, InvalidHead.
    """
    expected = None if expected_head is None else _read_head(expected_head)
    await listings.in_one_snapshot(tx)
    await listings.cluster_row(tx, cluster)
    direct = await tx.direct()
    head = await journal.find_head(direct, cluster)
    reader = Reader(cluster, expected)
    async for entries in journal.pages(direct, cluster):
        if not reader.take(entries):
            break
    fault = reader.end(head)
    return Verdict(reader.read, str(head) if head else "", fault)


def _read_head(text: str) -> tuple[int, str]:
    number, _, digits = text.partition(":")
    if not (number.isascii() and number.isdigit() and len(number) < 19 and len(digits) == 64 and set(digits) <= set("0123456789abcdef")):
        raise InvalidHead(text[:100])
    return int(number), digits
