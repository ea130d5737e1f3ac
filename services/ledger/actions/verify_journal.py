"""The journal is read from its first entry to its last, and every hash made anew; then what is kept beside it is compared with it."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.ledger.domain.journal import Fault, Reader
from services.ledger.domain.proof import difference, unsigned
from services.ledger.domain.refusals import InvalidHead
from services.ledger.store import journal, listings, past
from shared.kit.direct import Direct
from shared.kit.transaction import Transaction
from shared.license_file.lines import LicenseLine


@dataclass(frozen=True, slots=True)
class Verdict:
    """``entries``: how many were read before the end or the first fault; ``head``: as it is kept beside them."""

    entries: int
    head: str
    fault: Fault | None


async def verify_journal(
    tx: Transaction, cluster: str, expected_head: str | None = None, signed: Sequence[LicenseLine] | None = None
) -> Verdict:
    """``expected_head``: a head of this journal that was noted before, so that a tail written anew is seen. ``signed``: lines of
    license files whose signatures hold, among which every granting line of a file must be.

    What is found after the last entry is a fault of the entry that would follow. Raises NotFound, InvalidHead.
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
    if fault is None and (found := await _disproved(tx, direct, reader, signed)) is not None:
        fault = Fault(reader.read + 1, f"the entries are whole; {found}")
    return Verdict(reader.read, str(head) if head else "", fault)


async def _disproved(tx: Transaction, direct: Direct, reader: Reader, signed: Sequence[LicenseLine] | None) -> str | None:
    told = past.by_type(await past.types_at(direct, reader.cluster, reader.read))
    found = difference(reader.past, reader.balances, told, await past.kept(tx, reader.cluster))
    return found if found is not None or signed is None else unsigned(reader.past, signed)


def _read_head(text: str) -> tuple[int, str]:
    number, _, digits = text.partition(":")
    if not (number.isascii() and number.isdigit() and len(number) < 19 and len(digits) == 64 and set(digits) <= set("0123456789abcdef")):
        raise InvalidHead(text[:100])
    return int(number), digits
