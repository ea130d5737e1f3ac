"""The journal in SQL: the head, entries appended, entries read. Nothing here changes or removes one, and the database would refuse it.

Must not be broken: whoever appends holds the cluster's PHONE_UNIT pool, and read the head after locking it.
"""

from collections.abc import AsyncIterator

from services.ledger.domain.journal import COLUMNS, Entry, Head, Pen
from shared.kit.direct import Direct

MANY = 500
"""From so many entries on COPY is faster than a list, for all its round trips."""

NEXT = "greatest(clock_timestamp(), at + interval '1 microsecond')"
"""The moment of what comes behind a head: the database's time, and behind the head's also where that was set back."""

_PAGE = 2_000
ALL_COLUMNS = ", ".join(COLUMNS)


def appending(parameter: int) -> str:
    """The INSERT of the entries that are given, as a list of ``Entry``, in one parameter."""
    return f"INSERT INTO journal_entry ({ALL_COLUMNS}) SELECT * FROM unnest(${parameter}::journal_line[])"  # noqa: S608 -- constants


def appending_one(parameter: int) -> str:
    """The same of one entry, which needs no list."""
    return f"INSERT INTO journal_entry ({ALL_COLUMNS}) SELECT (${parameter}::journal_line).*"


_APPEND = f"""
    WITH appended AS ({appending(5)})
    UPDATE journal_head SET sequence = $2, hash = $3, at = $4 WHERE cluster = $1
"""  # noqa: S608
_HEAD = f"SELECT sequence, hash, at, {NEXT} AS now FROM journal_head WHERE cluster = $1"  # noqa: S608
# A moment that is no calendar's was never written; as the first or last of ours it is read, and its entry is not what its hash says.
_SHOWN = ", ".join(COLUMNS).replace(" at,", " least(greatest(at, '0001-01-01 00:00Z'), '9999-12-31 23:59:59.999999Z') AS at,")
_READ = f"SELECT {_SHOWN} FROM journal_entry WHERE cluster = $1 AND sequence > $2 ORDER BY sequence LIMIT $3"  # noqa: S608


async def pen_for(direct: Direct, cluster: str) -> Pen:
    """Writes behind the cluster's last entry, at the database's time; never before that entry's. The cluster must be locked."""
    row = await direct.row(_HEAD, cluster)
    assert row is not None
    return Pen(cluster, Head(row["sequence"], row["hash"], row["at"]), row["now"])


async def append(direct: Direct, pen: Pen) -> None:
    """Store what was written."""
    if pen.entries:
        head = pen.head
        await direct.execute(_APPEND, pen.cluster, head.sequence, head.hash, head.at, pen.entries)


async def find_head(direct: Direct, cluster: str) -> Head | None:
    """The head as it is kept beside the entries; None for a cluster that does not exist."""
    row = await direct.row(_HEAD, cluster)
    return Head(row["sequence"], row["hash"], row["at"]) if row else None


async def page(direct: Direct, cluster: str, after: int, limit: int) -> list[Entry]:
    """``limit`` entries behind the sequence ``after``."""
    return [Entry(*row) for row in await direct.rows(_READ, cluster, after, limit)]


async def pages(direct: Direct, cluster: str) -> AsyncIterator[list[Entry]]:
    """All entries in their order, some thousands at a time."""
    after = 0
    while entries := await page(direct, cluster, after, _PAGE):
        yield entries
        after = entries[-1].sequence
