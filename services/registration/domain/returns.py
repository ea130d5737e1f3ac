"""A share goes back to its order, and what is made from the rest then voids it.

Must not be broken: a file made from a returned rest names every file that was ever returned to its order, with all that those void, lest
both count for somebody who sees only files. So of any files of one order, those that no other one voids never exceed the order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.registration.domain.license_file import MOST_VOIDED, LicenseFile, check_current
from services.registration.domain.order import Order, check_not_expired

MOST_RETURNED = MOST_VOIDED // 2
"""Files that may be void by returns of one order: all stand in what is made from the rest, which must have room for re-hosts of its own."""


@dataclass(frozen=True, slots=True)
class ReturnedShare:
    """A share that went back, with its last file."""

    license_file_id: str
    order_id: int
    share: int
    nodes: int
    units: int
    reason: str
    returned_by: str
    returned_at: datetime

    def __post_init__(self) -> None:
        assert self.nodes > 0 or self.units > 0  # paired with CHECK returned_share_not_empty


@dataclass
class MigrationNotReturnable(Exception):
    """A free file was not taken from anything that somebody bought."""

    license_file_id: str
    migration_id: str

    def __str__(self) -> str:
        return (
            f"License file {self.license_file_id} was given free of charge for migration {self.migration_id}; there is no order to which "
            "it could go back. Re-host it to move it to another server."
        )


@dataclass
class ReturnLimitReached(Exception):
    """So many files of the order are void that a new one could not name them all."""

    license_file_id: str
    returned: int
    most_returned: int = MOST_RETURNED

    def __str__(self) -> str:
        return (
            f"With license file {self.license_file_id} and what it voids, {self.returned} files of this order would be void by returns; "
            f"a new file may name {self.most_returned}. Re-host the file instead, or place a new order."
        )


def voided_by_returns(returned: Iterable[tuple[str, Sequence[str]]]) -> tuple[str, ...]:
    """All files that returns made void: each returned one with those that it voids. None is named twice."""
    return tuple(dict.fromkeys(one for license_file_id, voids in returned for one in (license_file_id, *voids)))


def check_return(file: LicenseFile, order: Order, voided: Sequence[str], today: date) -> None:
    """May the share of ``file`` go back to its locked ``order``? ``voided``: by the order's earlier returns.

    A part is only ever made of an order that may be split, and a whole is no part: so whatever was registered may go back.
    Raises AlreadyRehosted, AlreadyReturned, MigrationNotReturnable, OrderExpired, ReturnLimitReached.
    """
    check_current(file)
    if order.migration_id is not None:
        raise MigrationNotReturnable(file.license_file_id, order.migration_id)
    check_not_expired(order, today)
    assert order.split_allowed or (file.nodes, file.units) == (order.nodes, order.units)
    after = len({*voided, file.license_file_id, *file.voids})
    if after > MOST_RETURNED:
        raise ReturnLimitReached(file.license_file_id, after)
