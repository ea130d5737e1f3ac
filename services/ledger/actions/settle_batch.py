"""One transaction for all check-outs and check-ins of a cluster that are waiting: the heart of the ledger.

Must not be broken: a caller is told what is committed. A refusal is an outcome of one command, recorded and told like any other;
what one batch changes is one version of the pool, and the states between its commands never were.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from services.ledger.actions.record_change import origin_of
from services.ledger.actions.tell_pool import Refused, change_of, refusal_of
from services.ledger.domain.devices import CheckOut, Command, Counter, Done, Outcome
from services.ledger.domain.exemption import ORDINARY
from services.ledger.domain.journal import Kind, Origin, Pen
from services.ledger.domain.ladder import OverdraftRestricted
from services.ledger.domain.pool import Pool
from services.ledger.domain.refusals import NotDone, Refusal
from services.ledger.domain.transitions import Limits, PoolState, advance
from services.ledger.store import devices
from shared.kit.batches import Asked, Batches
from shared.kit.database import Database
from shared.kit.problems import NotFound
from shared.kit.trace import Trace

_KINDS: dict[Outcome, Kind] = {"checked_out": "check_out", "repriced": "re_price", "checked_in": "check_in"}
_AT_A_STRETCH = 500
"""Commands that are counted before others have their turn on the event loop: some milliseconds."""

_NOTHING: frozenset[Outcome] = frozenset({"unchanged", "gone"})


@dataclass(frozen=True, slots=True)
class Several:
    """Commands of one caller, done one after the other; ``atomic``: all of them or none."""

    commands: Sequence[Command]
    atomic: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the commands of one caller, and the pool as the last of them left it.

    ``held``: what the devices that were refused something hold.
    """

    outcomes: Sequence[Done | NotDone]
    state: PoolState
    held: Mapping[str, int]


Desks = Batches[Several, Settled]
"""The queues of all clusters."""


class _Batch:
    """A batch being counted."""

    def __init__(self, loaded: devices.Loaded) -> None:
        self.loaded = loaded
        self.counter = Counter(loaded.desk)
        self.refused: list[tuple[Refused, Trace]] = []
        self.last_change: Trace | None = None

    async def count(self, asked: Asked[Several, Settled]) -> tuple[list[Done | NotDone], Pool, dict[str, int]]:
        """Every command of one caller. What an atomic one leaves undone is taken back."""
        several, before, changed, pen = asked.command, self.counter, self.last_change, self.loaded.pen
        head, written = pen.head, len(pen.entries)
        if several.atomic:
            self.counter = Counter(before.desk())
        outcomes: list[Done | NotDone] = []
        origin, refused = origin_of(asked.trace), dict[tuple[str, int], Refused]()
        for number, command in enumerate(several.commands, 1):
            outcomes.append(self._do(command, asked.trace, origin, refused))
            if number % _AT_A_STRETCH == 0:
                await asyncio.sleep(0)
        if several.atomic and any(isinstance(outcome, Exception) for outcome in outcomes):
            self.counter, self.last_change, pen.head = before, changed, head
            del pen.entries[written:]
        self.refused += [(one, asked.trace) for one in refused.values()]
        pairs = zip(several.commands, outcomes, strict=True)
        names = [command.device for command, outcome in pairs if isinstance(outcome, NotDone)]
        return outcomes, self.counter.pool, {name: self.counter.holdings[name].units for name in names if name in self.counter.holdings}

    def _do(self, command: Command, trace: Trace, origin: Origin, refused: dict[tuple[str, int], Refused]) -> Done | NotDone:
        try:
            done = self.counter.do(command)
        except NotDone as error:
            if isinstance(error, Refusal):
                free = error.free if isinstance(error, OverdraftRestricted) else self.counter.pool.free
                known = refused.setdefault((error.rule, error.asked), Refused(command.device, error, free, 0))
                known.count += 1
            return error
        if done.outcome not in _NOTHING:
            self.last_change = trace
            _enter(self.loaded.pen, done, origin)
        return done


def _enter(pen: Pen, done: Done, origin: Origin) -> None:
    holding = done.after or done.before
    assert holding is not None
    pen.write(
        _KINDS[done.outcome],
        holding.device,
        done.pool,
        origin,
        before=done.before,
        after=done.after,
        reason=done.reason,
        detail=_class_of(done),
    )


def _class_of(done: Done) -> str:
    """The class of a device that was, or becomes, another than ordinary; as the journal has it."""
    before = done.before.device_class if done.before else ORDINARY
    if done.after is None or done.after.device_class == before:
        return ""
    return json.dumps({"device_class": done.after.device_class})


async def settle_batch(
    database: Database, limits: Limits, cluster: str, batch: Sequence[Asked[Several, Settled]]
) -> Sequence[Settled | Exception]:
    """What became of each caller's commands, once all is committed."""
    names, types, exempt = _concerned(command for asked in batch for command in asked.command.commands)
    try:
        async with database.direct() as tx:
            loaded = await devices.load(tx, cluster, names, types, exempt=exempt)
            counting = _Batch(loaded)
            counted = [await counting.count(asked) for asked in batch]
            state, transitions = advance(loaded.state, counting.counter.pool, limits, loaded.pen.at)
            if counting.last_change is not None and state != loaded.state:
                for fact in change_of(cluster, state, transitions, loaded.pen.at):
                    tx.publish(fact, loaded.pen.at, counting.last_change)
            for refused, trace in counting.refused:
                tx.publish(refusal_of(cluster, state, refused, loaded.pen.at), loaded.pen.at, trace)
            if counting.last_change is not None:
                await devices.write(tx, state, loaded.pen, loaded.desk.holdings, counting.counter.holdings)
    except NotFound as error:
        return [error] * len(batch)
    return [Settled(outcomes, replace(state, pool=pool), held) for outcomes, pool, held in counted]


def _concerned(commands: Iterable[Command]) -> tuple[set[str], set[str], bool]:
    """The devices and types that decide about commands, and whether one makes a device exempt."""
    names: set[str] = set()
    types: set[str] = set()
    exempt = False
    for command in commands:
        names.add(command.device)
        if isinstance(command, CheckOut):
            types.add(command.device_type)
            exempt = exempt or command.device_class not in {None, ORDINARY}
            if command.adjunct_of is not None:
                names.add(command.adjunct_of)
    return names, types, exempt
