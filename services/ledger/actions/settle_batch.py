"""One transaction for all check-outs and check-ins of a cluster that are waiting: the heart of the ledger.

Must not be broken: a caller is told what is committed. A refusal is an outcome of one command, recorded and told like any other;
what one batch changes is one version of the pool, and the states between its commands never were.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.ledger.actions.record_change import origin_of
from services.ledger.actions.tell_pool import change_of, refusal_of
from services.ledger.domain.devices import CheckOut, Command, Counter, Done, Outcome
from services.ledger.domain.journal import Kind, Origin, Pen
from services.ledger.domain.pool import Pool
from services.ledger.domain.refusals import NotDone, Refusal
from services.ledger.domain.transitions import Limits, PoolState, advance
from services.ledger.store import devices
from shared.kit.batches import Asked, Batches
from shared.kit.database import Database
from shared.kit.problems import NotFound
from shared.kit.trace import Trace

_KINDS: dict[Outcome, Kind] = {"checked_out": "check_out", "repriced": "re_price", "checked_in": "check_in"}
_NOTHING: frozenset[Outcome] = frozenset({"unchanged", "gone"})


@dataclass(frozen=True, slots=True)
class Several:
    """Commands of one caller, done one after the other; ``atomic``: all of them or none."""

    commands: Sequence[Command]
    atomic: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the commands of one caller, and the pool as the last of them left it."""

    outcomes: Sequence[Done | NotDone]
    state: PoolState


Desks = Batches[Several, Settled]
"""The queues of all clusters."""


class _Batch:
    """A batch being counted."""

    def __init__(self, loaded: devices.Loaded) -> None:
        self.loaded = loaded
        self.counter = Counter(loaded.desk)
        self.refused: list[tuple[str, Refusal, int, Trace]] = []
        self.last_change: Trace | None = None

    def count(self, asked: Asked[Several, Settled]) -> tuple[list[Done | NotDone], Pool]:
        """Every command of one caller. What an atomic one leaves undone is taken back."""
        before, marked, changed = self.counter, len(self.loaded.pen.entries), self.last_change
        if asked.command.atomic:
            self.counter = Counter(before.desk())
        head, origin = self.loaded.pen.head, origin_of(asked.trace)
        outcomes = [self._do(command, asked.trace, origin) for command in asked.command.commands]
        if asked.command.atomic and any(isinstance(outcome, Exception) for outcome in outcomes):
            self.counter, self.last_change = before, changed
            del self.loaded.pen.entries[marked:]
            self.loaded.pen.head = head
        return outcomes, self.counter.pool

    def _do(self, command: Command, trace: Trace, origin: Origin) -> Done | NotDone:
        try:
            done = self.counter.do(command)
        except NotDone as error:
            if isinstance(error, Refusal):
                self.refused.append((command.device, error, self.counter.pool.free, trace))
            return error
        if done.outcome not in _NOTHING:
            self.last_change = trace
            _enter(self.loaded.pen, done, origin)
        return done


def _enter(pen: Pen, done: Done, origin: Origin) -> None:
    holding = done.after or done.before
    assert holding is not None
    pen.write(_KINDS[done.outcome], holding.device, done.pool, origin, before=done.before, after=done.after)


async def settle_batch(
    database: Database, limits: Limits, cluster: str, batch: Sequence[Asked[Several, Settled]]
) -> Sequence[Settled | Exception]:
    """What became of each caller's commands, once all is committed."""
    names, types = _concerned(command for asked in batch for command in asked.command.commands)
    try:
        async with database.direct() as tx:
            loaded = await devices.load(tx, cluster, names, types)
            counting = _Batch(loaded)
            counted = [counting.count(asked) for asked in batch]
            state, transitions = advance(loaded.state, counting.counter.pool, limits)
            if counting.last_change is not None:
                await devices.write(tx, state, loaded.pen, loaded.desk.holdings, counting.counter.holdings)
                if state != loaded.state:
                    for fact in change_of(cluster, state, transitions, loaded.pen.at):
                        tx.publish(fact, loaded.pen.at, counting.last_change)
            for name, refusal, free, trace in counting.refused:
                tx.publish(refusal_of(cluster, state, name, refusal, free, loaded.pen.at), loaded.pen.at, trace)
    except NotFound as error:
        return [error] * len(batch)
    return [Settled(outcomes, PoolState(pool, state.version, state.limit_approached)) for outcomes, pool in counted]


def _concerned(commands: Iterable[Command]) -> tuple[set[str], set[str]]:
    names: set[str] = set()
    types: set[str] = set()
    for command in commands:
        names.add(command.device)
        if isinstance(command, CheckOut):
            types.add(command.device_type)
            if command.adjunct_of is not None:
                names.add(command.adjunct_of)
    return names, types
