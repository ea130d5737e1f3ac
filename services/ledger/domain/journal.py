"""The journal: every change of a cluster's units as an entry that is never changed, each bound to the one before it.

An entry's hash is SHA-256 over the hash before it (32 bytes; of the first entry: zeros) and the entry's canonical form: its fields in
the order of ``Entry`` without the hash, each as text, joined by NUL, in UTF-8. A number is written in decimal, the time as
microseconds since 1970 in UTC, None as nothing. NUL can stand in no text of the database, and what may be None is never an empty text
(whoever verifies says so), so no two entries have one form.

Must not be broken: this form is for ever. A change of it makes every journal that exists look forged.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from services.ledger.domain.desk import Holding
from services.ledger.domain.past import Past
from services.ledger.domain.pool import Pool

Kind = Literal[
    "opening",
    "check_out",
    "check_in",
    "re_price",
    "reclaim",
    "reconcile",
    "starter",
    "migration",
    "grant",
    "retire",
    "license_file",
    "node",
    "cluster",
    "ladder",
    "service",
]
"""opening: units that were there before the journal · check_out, check_in, re_price: a device, or (CCM_NODE) a node · reclaim,
reconcile: units taken back from, or set by, an inventory or a lapse · starter, migration, grant: units become authorized · retire:
they no longer are · license_file, node, cluster: something that decides about units changed, and no balance did; of the starter and of
a migration's grant, license_file too · ladder: an overdraft began, reached a stage, or ended · service: the license manager was
started, stopped or restarted."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
NO_HASH = bytes(32)


class Entry(NamedTuple):
    """One entry, in the order of the table's columns.

    ``device_type_before``, ``units_before``: what the subject held before, None for nothing; ``device_type``, ``units``,
    ``adjunct_of``: afterwards. ``authorized_change``, ``overdraft_change``: what a grant added to the pool, or (negative) what was
    taken back. ``authorized``, ``overdraft_allowed``, ``used``: the balances of the feature's pool after the entry, in units.
    ``detail``: JSON of what else is worth knowing, or empty. ``source``: the door, http, event or timer.
    """

    cluster: str
    sequence: int
    kind: str
    feature: str
    subject: str
    device_type_before: str | None
    units_before: int | None
    device_type: str | None
    units: int | None
    adjunct_of: str | None
    authorized_change: int
    overdraft_change: int
    authorized: int
    overdraft_allowed: int
    used: int
    reason: str
    detail: str
    caller: str
    source: str
    trace_id: str
    at: datetime
    hash: bytes


COLUMNS = Entry._fields


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a cluster's journal: its sequence (0: there is none), hash and time."""

    sequence: int = 0
    hash: bytes = NO_HASH
    at: datetime = _EPOCH

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash.hex()}"


class Origin(NamedTuple):
    """On whose behalf an entry is written: caller, door and trace."""

    caller: str
    source: str
    trace_id: str


def microseconds(at: datetime) -> int:
    """Since 1970, in UTC."""
    return (at - _EPOCH) // _MICROSECOND


def hash_of(previous: bytes, content: tuple[Any, ...], moment: int) -> bytes:
    """The hash behind an entry of hash ``previous``; ``content``: the fields before ``at``, which is ``moment`` microseconds."""
    cluster, number, kind, feature, subject, type_before, units_before, type_after, units, adjunct_of, *rest = content
    authorized_change, overdraft_change, authorized, allowed, used, reason, detail, caller, source, trace_id = rest
    form = (  # one string and no loop: made for every device of thousands
        f"{cluster}\0{number}\0{kind}\0{feature}\0{subject}\0{'' if type_before is None else type_before}\0"
        f"{'' if units_before is None else units_before}\0{'' if type_after is None else type_after}\0{'' if units is None else units}\0"
        f"{'' if adjunct_of is None else adjunct_of}\0{authorized_change}\0{overdraft_change}\0{authorized}\0{allowed}\0{used}\0"
        f"{reason}\0{detail}\0{caller}\0{source}\0{trace_id}"
    )
    return sha256(b"%b%b\0%d" % (previous, form.encode(), moment)).digest()


class Pen:
    """Writes entries behind ``head``, all of one cluster and one moment."""

    __slots__ = ("_hash", "_moment", "_sequence", "at", "cluster", "entries")

    def __init__(self, cluster: str, head: Head, at: datetime) -> None:
        self.cluster = cluster
        self.at = at
        self.entries: list[Entry] = []
        self._sequence = head.sequence
        self._hash = head.hash
        self._moment = microseconds(at)

    @property
    def head(self) -> Head:
        """That of the last entry written."""
        return Head(self._sequence, self._hash, self.at)

    def write(
        self,
        kind: Kind,
        subject: str,
        pool: Pool,
        origin: Origin,
        *,
        before: Holding | None = None,
        after: Holding | None = None,
        authorized_change: int = 0,
        overdraft_change: int = 0,
        reason: str = "",
        detail: str = "",
    ) -> None:
        """One entry; ``pool`` as it is after it."""
        type_before, units_before = (before.device_type or None, before.units) if before else (None, None)
        type_after, units, adjunct_of = (after.device_type or None, after.units, after.adjunct_of) if after else (None, None, None)
        self._sequence += 1
        content = (
            *(self.cluster, self._sequence, kind, pool.feature, subject, type_before, units_before, type_after, units, adjunct_of),
            *(authorized_change, overdraft_change, pool.authorized, pool.overdraft_allowed, pool.used, reason, detail, *origin),
        )
        self._hash = hash_of(self._hash, content, self._moment)
        self.entries.append(Entry._make((*content, self.at, self._hash)))


class Fault(NamedTuple):
    """Where a journal first proves that it was tampered with, and how."""

    sequence: int
    reason: str


@dataclass(slots=True)
class Reader:
    """Verifies entries in their order, however many: of them all it keeps the last one, each pool's balances and what a report tells."""

    cluster: str
    expected: tuple[int, str] | None = None
    read: int = 0
    last: bytes = NO_HASH
    fault: Fault | None = None
    past: Past = field(default_factory=Past)
    balances: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """By feature: authorized, overdraft_allowed, used."""
    _at: datetime = _EPOCH

    def take(self, entries: Iterable[Entry]) -> bool:
        """Go on; False at the first fault."""
        for entry in entries:
            if self.fault is None:
                self.fault = self._fault_of(entry)
            if self.fault is not None:
                return False
            self.read = entry.sequence
            self.last = entry.hash
            self._at = entry.at
        return True

    def end(self, head: Head | None) -> Fault | None:
        """The verdict after the last entry, given the head that was kept beside them."""
        if self.fault is not None:
            return self.fault
        if head is None or (head.sequence, head.hash) != (self.read, self.last):
            self.fault = Fault(self.read + 1, "the entries end here, and the head that was kept is another")
        elif self.expected is not None and self.expected[0] > self.read:
            self.fault = Fault(self.read + 1, f"the expected head {self.expected[0]} lies behind the last entry")
        elif self.expected is not None and self.expected[0] == 0 and self.expected[1] != NO_HASH.hex():
            self.fault = Fault(1, "the expected head is not that of an empty journal")
        return self.fault

    def _fault_of(self, entry: Entry) -> Fault | None:
        number = self.read + 1
        if entry.sequence != number:
            return Fault(number, f"the entry is missing; the next is {entry.sequence}")
        if entry.cluster != self.cluster or entry.hash != hash_of(self.last, entry[:-2], microseconds(entry.at)):
            return Fault(number, "its content is not what its hash was made of, or the entry before it is another")
        if "" in (entry.device_type_before, entry.device_type, entry.adjunct_of):
            return Fault(number, "it has an empty text where its form has nothing")
        if entry.at < self._at:
            return Fault(number, "it is dated before the entry before it")
        if not self._balance_follows(entry):
            return Fault(number, "its balances do not follow from those before it")
        if self.expected is not None and self.expected[0] == number and entry.hash.hex() != self.expected[1]:
            return Fault(number, "it is another entry than the one whose head is expected")
        if entry.device_type is None and entry.device_type_before is None and not self.past.take(entry):
            return Fault(number, "its detail cannot be read")
        return None

    def _balance_follows(self, entry: Entry) -> bool:
        authorized, allowed, used = self.balances.get(entry.feature, (0, 0, 0))
        now = (entry.authorized, entry.overdraft_allowed, entry.used)
        self.balances[entry.feature] = now
        more = (entry.units or 0) - (entry.units_before or 0)
        return now == (authorized + entry.authorized_change, allowed + entry.overdraft_change, used + more)
