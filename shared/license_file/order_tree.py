"""What license files prove of their orders, without the vendor: order, shares and re-hosts as a tree, and that the parts fit the whole.

Over whatever files are given, those that none of the others voids never hold more than the signed ``<OrderCount>``; a fault where they do.
That no file is missing is proven by the vendor's signed statement only. What no given key signed never counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.license_file.features import CCM_NODE, PHONE_UNIT
from shared.license_file.order_files import OrderFile, RefusedFile, read_order_files
from shared.license_file.statement import StatedFile, Statement
from shared.license_file.trusted_key import NO_LIMIT, Validity

COUNTED = (CCM_NODE, PHONE_UNIT)
"""What an order holds; every file brings its own SW_FEATURE."""


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file at its place in the tree: below the one that it replaces, where that is given.

    ``void_by``: the successor's id, or why it grants nothing for ever; "" while it is good. ``valid``: it grants on the day asked for.
    ``why_not``: why it does not.
    """

    file: OrderFile
    depth: int
    void_by: str
    valid: bool
    why_not: str


@dataclass(frozen=True, slots=True)
class Total:
    """One feature of an order. ``good``: of all files given that nothing voids; ``valid``: of those that grant on the day."""

    feature: str
    ordered: int
    good: int
    valid: int


@dataclass(frozen=True, slots=True)
class OrderProof:
    """An order as its files show it. ``statement``: None where there is none; ``missing``: stated, and not among the files given."""

    order: str
    files: tuple[TreeFile, ...]
    totals: tuple[Total, ...]
    statement: Statement | None
    missing: tuple[StatedFile, ...]
    faults: tuple[str, ...]

    @property
    def proven(self) -> bool:
        return not self.faults and not self.missing


@dataclass(frozen=True, slots=True)
class Proof:
    """All orders of the files given, and the files that count for nothing."""

    orders: tuple[OrderProof, ...]
    refused: tuple[RefusedFile, ...]

    @property
    def proven(self) -> bool:
        return not self.refused and all(order.proven for order in self.orders)


def prove(
    given: Iterable[tuple[str, bytes]],
    keys: Mapping[str, Ed25519PublicKey],
    on: date,
    statements: Sequence[Statement] = (),
    days: Mapping[str, Validity] = NO_LIMIT,
) -> Proof:
    """What these files (names and bytes) prove; which of them are valid is told for the day ``on``, until its end in UTC.

    ``statements``: read with the same keys; one for each PAK, the newest where there are more. ``days``: on which the keys made files.
    """
    files, refused = read_order_files(given, keys, days)
    stated: dict[str, Statement] = {}
    for statement in sorted(statements, key=lambda one: one.as_of):
        stated[f"PAK {statement.pak}"] = statement
    orders = sorted({*stated, *(file.order for file in files.values())})
    return Proof(tuple(_order(name, files, on, stated.get(name)) for name in orders), refused)


def _order(order: str, all_files: Mapping[str, OrderFile], on: date, statement: Statement | None) -> OrderProof:
    files = {file_id: file for file_id, file in sorted(all_files.items()) if file.order == order}
    void = _void(files.values(), statement, date.max)
    void_then = _void((file for file in files.values() if file.made_on <= on), statement, on)
    placed = []
    for file, depth in _placed(files):
        why_not = _why_not(file, void_then.get(file.license_file_id, ""), on)
        placed.append(TreeFile(file, depth, void.get(file.license_file_id, ""), not why_not, why_not))
    totals = tuple(_totals(placed, statement))
    faults = [*_faults_of_totals(totals), *_faults_of_counts(files.values())]
    missing: tuple[StatedFile, ...] = ()
    if statement is not None:
        missing = tuple(one for one in statement.files if one.license_file_id not in files)
        faults += _faults_of_statement(files, statement)
    return OrderProof(order, tuple(placed), totals, statement, missing, tuple(faults))


def _void(files: Iterable[OrderFile], statement: Statement | None, until: date) -> dict[str, str]:
    """Which files are void, by the id of the file that replaces them, the direct successor before others, or by their return."""
    found: dict[str, str] = {}
    named = [(file.license_file_id, file.replaces) for file in files]
    for stated in statement.files if statement else ():
        if date.fromisoformat(stated.license_file_id[:8]) <= until:
            named.append((stated.license_file_id, stated.voids))
        if stated.returned_at is not None and stated.returned_at.astimezone(UTC).date() <= until:
            found[stated.license_file_id] = "returned to the order"
    for direct in (True, False):
        for file_id, voids in named:
            for old in voids[:1] if direct else voids[1:]:
                found.setdefault(old, file_id)
    return found


def _why_not(file: OrderFile, void_by: str, on: date) -> str:
    if file.made_on > on:
        return f"made on {file.made_on} only"
    if void_by:
        return f"replaced by {void_by}" if void_by.isdigit() else void_by
    if file.start is not None and file.start > on:
        return f"valid from {file.start} on"
    return f"expired on {file.expiry}" if file.expiry is not None and file.expiry < on else ""


def _placed(files: Mapping[str, OrderFile]) -> Iterable[tuple[OrderFile, int]]:
    """Every file once with its depth, below the file that it replaces."""
    below: dict[str | None, list[str]] = {}
    for file_id, file in files.items():
        below.setdefault(next((old for old in file.replaces if old in files), None), []).append(file_id)
    seen: set[str] = set()
    # From every file at last, lest some that replace one another in a circle, whoever signed that, be shown nowhere.
    for root in (*below.get(None, ()), *files):
        waiting = [(root, 0)]
        while waiting:
            file_id, depth = waiting.pop()
            if file_id not in seen:
                seen.add(file_id)
                yield files[file_id], depth
                waiting += [(one, depth + 1) for one in reversed(below.get(file_id, []))]


def _totals(files: Sequence[TreeFile], statement: Statement | None) -> Iterable[Total]:
    stated = {CCM_NODE: statement.nodes, PHONE_UNIT: statement.units} if statement else {}
    for feature in COUNTED:
        held = [(one, one.file.units[feature]) for one in files if feature in one.file.units]
        ordered = max((one.file.order_counts.get(feature, 0) for one, _ in held), default=0) or stated.get(feature, 0)
        good = sum(units for one, units in held if not one.void_by)
        if held or ordered:
            yield Total(feature, ordered, good, sum(units for one, units in held if one.valid))


def _faults_of_totals(totals: Iterable[Total]) -> Iterable[str]:
    for total in totals:
        if max(total.good, total.valid) > total.ordered:
            yield f"{max(total.good, total.valid)} of {total.feature} are good, but the order holds {total.ordered}"


def _faults_of_counts(files: Iterable[OrderFile]) -> Iterable[str]:
    for feature in COUNTED:
        counts = {file.order_counts.get(feature) for file in files if feature in file.units}
        if None in counts:
            yield f"a file holds {feature} and does not say how much the whole order holds"
        elif len(counts) > 1:
            yield f"the files do not agree on how much {feature} the whole order holds: {sorted(filter(None, counts))}"


def _faults_of_statement(files: Mapping[str, OrderFile], statement: Statement) -> Iterable[str]:
    """What the statement says differently, of the files and of their sum."""
    stated = {one.license_file_id: one for one in statement.files}
    for file_id, file in files.items():
        one = stated.get(file_id)
        if one is None:
            yield f"{file_id} is not in the statement of {statement.as_of:%Y-%m-%d %H:%M:%S} UTC; ask the vendor for a newer one"
            continue
        said = (one.nodes, one.units, one.voids, (one.mac,))
        if said != (file.units.get(CCM_NODE, 0), file.units.get(PHONE_UNIT, 0), file.replaces, file.host_ids):
            yield f"{file_id} says something else than the statement"
        elif one.sha256 not in file.sha256s:
            yield f"{file_id} has other bytes than the vendor made; its signed lines are whole"
        for feature, count in file.order_counts.items():
            if count != {CCM_NODE: statement.nodes, PHONE_UNIT: statement.units}.get(feature):
                yield f"{file_id} names {count} of {feature} in the order, the statement another number"
    void = _void((), statement, date.max)
    good = [one for one in statement.files if one.license_file_id not in void]
    if sum(one.nodes for one in good) > statement.nodes or sum(one.units for one in good) > statement.units:
        yield "the files of the statement that are good hold more than its order"
