"""An inventory's differences, applied to the ledger and taken back: a fold over the same desk as every check-out.

First what gives units back, then what takes them, so that as much as possible is admitted; what is refused changes nothing and is named.
A primary that is gone goes together with the new price of its adjuncts, or not at all.

Must not be broken: a device that changed since it was compared (or, when taken back, since it was applied) is left as it is.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from services.ledger.domain.desk import Holding
from services.ledger.domain.devices import CheckIn, CheckOut, Command, Counter, Done
from services.ledger.domain.ladder import OverdraftRestricted, check_out_by
from services.ledger.domain.pool import check_in
from services.ledger.domain.refusals import NotDone, Refusal, primary_of_adjunct

DifferenceKind = Literal["missing", "ghost", "wrong_type", "re_price", "elsewhere", "problem"]
"""missing: in the inventory, holds nothing · ghost: holds units, not in the inventory · wrong_type · re_price: of the right type, at
another price than today's · elsewhere: another cluster holds units for it too (told, never changed) · problem: a line that says nothing
that can be done."""

State = Literal["receiving", "received", "compared", "applying", "applied", "reverting", "reverted", "failed"]
DifferenceOutcome = Literal["applied", "unchanged", "refused", "changed", "reverted", "left"]
"""applied · unchanged: nothing was to be done any more · refused · changed: the device is another than was compared · reverted ·
left: applied, and not taken back."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A device and what it holds and should hold; of one that was applied, held before and since. ``intact``: as far as can be seen it
    is the very device that was compared. ``step``: those of one step were applied together."""

    kind: DifferenceKind
    number: int
    device: str
    held: Holding | None
    wanted: Holding | None
    intact: bool = True
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a difference. ``held``, ``wanted``: what the device held before and after it."""

    difference: Difference
    outcome: DifferenceOutcome
    held: Holding | None
    wanted: Holding | None
    step: int | None = None
    error: NotDone | None = None


def slug_of(error: NotDone) -> str:
    """``UnitsExhausted``: ``units-exhausted``, as the problem of that name is called."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__).lower()


@dataclass(frozen=True, slots=True)
class RefusedDevice:
    """A device that got no units, and what was free then."""

    device: str
    device_type: str
    refusal: Refusal
    free: int


class _Fold:
    """What is common to both ways: moves all or nothing, and what became of each difference."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.changes: list[Done] = []
        self.results: list[Result] = []
        self.refused: list[RefusedDevice] = []

    def leave(self, one: Difference, outcome: DifferenceOutcome, error: NotDone | None = None, step: int | None = None) -> None:
        self.results.append(Result(one, outcome, one.held, one.wanted, step, error))

    def refuse(self, device: str, device_type: str, error: NotDone) -> None:
        """Note it where units were refused; everything is as it was again."""
        error.__traceback__ = None  # of a hundred thousand errors the frames would fill the memory
        if isinstance(error, Refusal):
            free = error.free if isinstance(error, OverdraftRestricted) else self.counter.pool.free
            self.refused.append(RefusedDevice(device, device_type, error, free))

    def undo(self, moves: Sequence[Done]) -> None:
        for done in reversed(moves):
            more = _units(done.after) - _units(done.before)
            self.counter.move(done.outcome, done.after, done.before, check_in(self.counter.pool, more))


class Applying(_Fold):
    """Brings the ledger to what the inventory says."""

    def run(self, differences: Sequence[Difference]) -> Iterator[int]:
        """Do one after the other; yields how many are done."""
        self._by_device = {one.device: one for one in differences if one.kind in {"wrong_type", "re_price"}}
        self._settled: set[str] = set()
        for number, one in enumerate(sorted(differences, key=_order), 1):
            if one.kind == "ghost":
                self._remove(one)
            elif one.device not in self._settled:
                self._set(one)
            yield number

    def _remove(self, ghost: Difference) -> None:
        known = self.counter.holdings.get(ghost.device)
        if known is None:
            self.leave(ghost, "unchanged")
            return
        if not ghost.intact or not _same(known, ghost.held):
            self.leave(ghost, "changed")
            return
        adjuncts = self.counter.adjuncts_of(ghost.device)
        rows = [self._by_device[a.device] for a in adjuncts if a.device in self._by_device]
        if len(rows) < len(adjuncts):
            reason = "is not in the inventory and cannot be removed"
            self.leave(ghost, "refused", primary_of_adjunct(ghost.device, [a.device for a in adjuncts], reason))
            return
        if not all(_same(self.counter.holdings[row.device], row.held) for row in rows):
            self.leave(ghost, "changed")
            return
        takes = [self._wanted(row, None) for row in rows]
        self._settled.update(row.device for row in rows)
        self._attempt([ghost, *rows], [*(CheckIn(row.device) for row in rows), CheckIn(ghost.device), *takes])

    def _set(self, one: Difference) -> None:
        known = self.counter.holdings.get(one.device)
        if not _same(known, one.held):
            right = known is not None and known.device_type == _type_of(one)
            self.leave(one, "unchanged" if right else "changed")
            return
        price = (self.counter.prices or {}).get(_type_of(one))
        primary = known.adjunct_of if known and price and price.adjunct_units is not None else None
        self._attempt([one], [self._wanted(one, primary)])

    def _wanted(self, one: Difference, primary: str | None) -> CheckOut:
        """What an inventory does not tell of, the lease and the class, stays as it is."""
        known = self.counter.holdings.get(one.device)
        return CheckOut(
            one.device,
            _type_of(one),
            primary,
            lease_seconds=known.lease_seconds if known else None,
            device_class=known.device_class if known else None,
        )

    def _attempt(self, together: Sequence[Difference], commands: Sequence[Command]) -> None:
        held = [self.counter.holdings.get(one.device) for one in together]
        moves: list[Done] = []
        command: Command
        try:
            for command in commands:
                done = self.counter.do(command)
                if done.before != done.after:
                    moves.append(done)
        except NotDone as error:
            self.undo(moves)
            self.refuse(command.device, command.device_type if isinstance(command, CheckOut) else "", error)
            self.leave(together[0], "refused", error)
            self.results += [Result(one, "refused", one.held, one.wanted, None, error) for one in together[1:]]
            return
        if not moves:
            self.leave(together[0], "unchanged")
            return
        self.changes += moves
        step = len(self.changes)
        for one, before in zip(together, held, strict=True):
            self.results.append(Result(one, "applied", before, self.counter.holdings.get(one.device), step))


class Reverting(_Fold):
    """Brings back what each device held before an apply. ``used_before``: up to so many units may be in use again, even where by now
    fewer are authorized or the overdraft policy leaves less: that state was there."""

    def __init__(self, counter: Counter, used_before: int) -> None:
        super().__init__(counter)
        self._limit = max(used_before, counter.pool.authorized + counter.ladder.allowance(counter.pool.overdraft_allowed))

    def run(self, differences: Iterable[Difference]) -> Iterator[int]:
        """``differences``: those that were applied, the last step first; yields how many are done."""
        together: list[Difference] = []
        for number, one in enumerate(differences, 1):
            if together and one.step != together[-1].step:
                self._restore(together)
                together = []
            together.append(one)
            yield number
        if together:
            self._restore(together)

    def _restore(self, together: list[Difference]) -> None:
        if not all(_same(self.counter.holdings.get(one.device), one.wanted) for one in together) or not self._fits(together):
            for one in together:
                self.leave(one, "left", step=one.step)
            return
        moves: list[Done] = []
        try:
            for one in sorted(together, key=lambda one: -_more_by_apply(one)):
                moves.append(self._move(one))  # noqa: PERF401 -- those before one that is refused are undone
            for one in together:
                self._check_adjuncts(one)
        except NotDone as error:
            self.undo(moves)
            self.refuse(one.device, one.held.device_type if one.held else "", error)
            self.leave(together[0], "left", error, together[0].step)
            self.results += [Result(one, "left", one.held, one.wanted, one.step, error) for one in together[1:]]
            return
        self.changes += moves
        self.results += [Result(one, "reverted", one.held, one.wanted, one.step) for one in together]

    def _fits(self, together: Sequence[Difference]) -> bool:
        """Are the primaries there that adjuncts are to point to again?"""
        back = {one.device: one.held for one in together}
        for one in together:
            if one.held and one.held.adjunct_of is not None:
                name = one.held.adjunct_of
                primary = back[name] if name in back else self.counter.holdings.get(name)
                if primary is None or primary.adjunct_of is not None:
                    return False
        return True

    def _move(self, one: Difference) -> Done:
        known, pool, more = self.counter.holdings.get(one.device), self.counter.pool, -_more_by_apply(one)
        if more > 0 and pool.used + more > self._limit:
            check_out_by(self.counter.ladder, pool, more)  # says why not
        pool = replace(pool, used=pool.used + more)
        held = one.held
        if held and known:  # what else is known of the device stays
            held = replace(known, device_type=held.device_type, units=held.units, adjunct_of=held.adjunct_of)
        return self.counter.move("repriced" if held and known else "checked_out" if held else "checked_in", known, held, pool)

    def _check_adjuncts(self, one: Difference) -> None:
        """Adjuncts that came since keep a primary that may be theirs. Raises PrimaryOfAdjunct."""
        adjuncts = self.counter.adjuncts_of(one.device)
        if one.held is None or one.held.adjunct_of is not None:
            against = adjuncts
        else:
            against = [a for a in adjuncts if self._price(a) > self._price(one.held)]
        if against:
            raise primary_of_adjunct(one.device, [a.device for a in against], "cannot be what it was before", costly=one.held is not None)

    def _price(self, holding: Holding) -> int:
        price = (self.counter.prices or {}).get(holding.device_type)
        return price.units if price else holding.units


def _order(one: Difference) -> tuple[int, int, int]:
    """Ghosts, adjuncts before primaries; then other types and prices, what frees most first; then what is missing."""
    if one.kind == "ghost":
        return 0, 0 if one.held and one.held.adjunct_of is not None else 1, one.number
    return (2, 0, one.number) if one.kind == "missing" else (1, _more_by_apply(one), one.number)


def _units(holding: Holding | None) -> int:
    return holding.units if holding else 0


def _more_by_apply(one: Difference) -> int:
    return _units(one.wanted) - _units(one.held)


def _same(known: Holding | None, then: Holding | None) -> bool:
    """Of what counts here: what is known of a device beside it may have changed."""
    if known is None or then is None:
        return known is then
    return (known.device_type, known.units, known.adjunct_of) == (then.device_type, then.units, then.adjunct_of)


def _type_of(one: Difference) -> str:
    assert one.wanted is not None
    return one.wanted.device_type
