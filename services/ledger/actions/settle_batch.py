"""One transaction for all check-outs and check-ins of a cluster that are waiting: the heart of the ledger.

Must not be broken: a caller is told what is committed. A refusal is an outcome of one command, recorded and told like any other;
what one batch changes is one version of the pool, and the states between its commands never were.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.ledger.actions.record_change import origin_of
from services.ledger.actions.tell_pool import Refused, change_of, refusal_of
from services.ledger.domain.devices import CheckOut, Command, Counter, Done, Outcome
from services.ledger.domain.exemption import ORDINARY
from services.ledger.domain.journal import Kind, Origin
from services.ledger.domain.ladder import OverdraftRestricted
from services.ledger.domain.pool import Pool
from services.ledger.domain.refusals import NotDone, Refusal
from services.ledger.domain.transitions import Limits, PoolState, advance
from services.ledger.store import devices
from services.ledger.store.journal import MANY
from shared.kit.batches import Asked, Batches
from shared.kit.database import Database
from shared.kit.direct import DirectTransaction
from shared.kit.problems import NotFound
from shared.kit.trace import Trace

_KINDS: dict[Outcome, Kind] = {"checked_out": "check_out", "repriced": "re_price", "checked_in": "check_in"}
_AT_A_STRETCH = 500
"""Commands that are counted before others have their turn on the event loop: some milliseconds."""

_STAY_CAREFUL = 32
"""Batches that lock first after one met somebody else: another replica that serves the cluster will be met again."""

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
        self.changes: list[tuple[Done, Trace]] = []
        self.refused: list[tuple[Refused, Trace]] = []

    async def count(self, asked: Asked[Several, Settled]) -> tuple[list[Done | NotDone], Pool, dict[str, int]]:
        """Every command of one caller: outcomes, the pool, what the refused hold. What an atomic one leaves undone is taken back."""
        several, before, done_before = asked.command, self.counter, len(self.changes)
        if several.atomic:
            self.counter = Counter(before.desk())
        outcomes: list[Done | NotDone] = []
        refused = dict[tuple[str, int], Refused]()
        for number, command in enumerate(several.commands, 1):
            outcomes.append(self._do(command, asked.trace, refused))
            if number % _AT_A_STRETCH == 0:
                await asyncio.sleep(0)
        if several.atomic and any(isinstance(outcome, Exception) for outcome in outcomes):
            self.counter = before
            del self.changes[done_before:]
        self.refused += [(one, asked.trace) for one in refused.values()]
        pairs = zip(several.commands, outcomes, strict=True)
        names = [command.device for command, outcome in pairs if isinstance(outcome, NotDone)]
        held = {name: self.counter.holdings[name].units for name in names if name in self.counter.holdings}
        return outcomes, self.counter.pool, held

    def _do(self, command: Command, trace: Trace, refused: dict[tuple[str, int], Refused]) -> Done | NotDone:
        try:
            done = self.counter.do(command)
        except NotDone as error:
            if isinstance(error, Refusal):
                free = error.free if isinstance(error, OverdraftRestricted) else self.counter.pool.free
                known = refused.setdefault((error.rule, error.asked), Refused(command.device, error, free, 0))
                known.count += 1
            return error
        if done.outcome not in _NOTHING:
            self.changes.append((done, trace))
        return done

    async def enter(self) -> None:
        """Write the changes into the journal."""
        pen, origins = self.loaded.pen, dict[Trace, Origin]()
        for number, (done, trace) in enumerate(self.changes, 1):
            holding = done.after or done.before
            assert holding is not None
            origin = origins.get(trace) or origins.setdefault(trace, origin_of(trace))
            kind, reason, detail = _KINDS[done.outcome], done.reason, _class_of(done)
            pen.write(kind, holding.device, done.pool, origin, before=done.before, after=done.after, reason=reason, detail=detail)
            if number % _AT_A_STRETCH == 0:
                await asyncio.sleep(0)


def _class_of(done: Done) -> str:
    """The class of a device that was, or becomes, another than ordinary; as the journal has it."""
    before = done.before.device_class if done.before else ORDINARY
    if done.after is None or done.after.device_class == before:
        return ""
    return json.dumps({"device_class": done.after.device_class})


class Settling:
    """Settles batches: at first as if nobody else changed the cluster, in two round trips; behind the pool's lock where somebody does,
    for a while, and where there is much to write."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits
        self._careful: dict[str, int] = {}  # how many more batches of a cluster lock first

    async def settle(self, cluster: str, batch: Sequence[Asked[Several, Settled]]) -> Sequence[Settled | Exception]:
        """What became of each caller's commands, once all is committed."""
        careful = self._careful.pop(cluster, 0)
        if careful > 1:
            self._careful[cluster] = careful - 1
        try:
            if not careful and sum(len(asked.command.commands) for asked in batch) < MANY:
                async with self._database.direct(each_by_itself=True) as tx:
                    settled = await self._settled(tx, cluster, batch)
                if settled is not None:
                    return settled
                self._careful[cluster] = _STAY_CAREFUL
            async with self._database.direct() as tx:
                await devices.lock_pool(tx, cluster)
                settled = await self._settled(tx, cluster, batch)
        except NotFound as error:
            return [error] * len(batch)
        assert settled is not None, "nobody writes the journal of a cluster whose pool is ours"
        return settled

    async def _settled(
        self, tx: DirectTransaction, cluster: str, batch: Sequence[Asked[Several, Settled]]
    ) -> Sequence[Settled | Exception] | None:
        """None, and nothing done, where the cluster was changed meanwhile."""
        names, types, exempt = _concerned(command for asked in batch for command in asked.command.commands)
        loaded = await devices.load(tx, cluster, names, types, exempt)
        counting = _Batch(loaded)
        counted = [await counting.count(asked) for asked in batch]
        at = loaded.pen.at
        state, transitions = advance(loaded.state, counting.counter.pool, self._limits, at)
        if state != loaded.state:
            for fact in change_of(cluster, state, transitions, at):
                tx.publish(fact, at, counting.changes[-1][1])
        for refused, trace in counting.refused:
            tx.publish(refusal_of(cluster, state, refused, at), at, trace)
        if counting.changes and not await devices.write(tx, state, loaded, counting.counter.holdings, counting.enter()):
            return None
        return [
            Settled(outcomes, PoolState(pool, state.version, state.limit_approached, state.policy, state.rung), held)
            for outcomes, pool, held in counted
        ]


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
