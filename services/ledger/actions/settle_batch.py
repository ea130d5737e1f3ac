"""One transaction for all check-outs and check-ins of a cluster that are waiting: the heart of the ledger.

Must not be broken: a caller is told what is committed. A refusal is an outcome of one command, recorded and told like any other;
what one batch changes is one version of the pool, and the states between its commands never were.
"""

import asyncio
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from services.ledger.actions.record_change import origin_of
from services.ledger.actions.record_refusals import record_refusals
from services.ledger.actions.tell_pool import Refused, change_of, refusal_of
from services.ledger.domain.changes import write_stage
from services.ledger.domain.demand import Demanded
from services.ledger.domain.devices import CheckOut, Command, Counter, Done, Lapse, Outcome
from services.ledger.domain.exemption import ORDINARY
from services.ledger.domain.journal import Kind, Origin
from services.ledger.domain.ladder import OverdraftRestricted
from services.ledger.domain.leases import heard_of
from services.ledger.domain.pool import PHONE_UNIT, Pool
from services.ledger.domain.refusals import NotDone, Refusal
from services.ledger.domain.transitions import Limits, PoolState, advance
from services.ledger.store import devices, leases
from services.ledger.store.devices import Concerned
from services.ledger.store.journal import MANY
from services.ledger.store.remembered import Remembered
from shared.kit.batches import Asked, Batches
from shared.kit.database import Database
from shared.kit.direct import DirectTransaction
from shared.kit.problems import NotFound
from shared.kit.trace import Trace

_KINDS: dict[Outcome, Kind] = {"checked_out": "check_out", "repriced": "re_price", "checked_in": "check_in", "reclaimed": "reclaim"}
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
        self.refused: dict[tuple[str, int], tuple[Refused, Trace]] = {}

    async def count(self, asked: Asked[Several, Settled]) -> tuple[list[Done | NotDone], Pool, dict[str, int]]:
        """Every command of one caller: outcomes, the pool, what the refused hold. What an atomic one leaves undone is taken back."""
        several, before, done_before = asked.command, self.counter, len(self.changes)
        if several.atomic:
            self.counter = Counter(before.desk())
        outcomes: list[Done | NotDone] = []
        for number, command in enumerate(several.commands, 1):
            outcomes.append(self._do(command, asked.trace))
            if number % _AT_A_STRETCH == 0:
                await asyncio.sleep(0)
        if several.atomic and any(isinstance(outcome, Exception) for outcome in outcomes):
            self.counter = before
            del self.changes[done_before:]
        pairs = zip(several.commands, outcomes, strict=True)
        names = [command.device for command, outcome in pairs if isinstance(outcome, NotDone)]
        held = {name: self.counter.holdings[name].units for name in names if name in self.counter.holdings}
        return outcomes, self.counter.pool, held

    def _do(self, command: Command, trace: Trace) -> Done | NotDone:
        try:
            done = self.counter.do(command)
        except NotDone as error:
            if isinstance(error, Refusal):
                free = error.free if isinstance(error, OverdraftRestricted) else self.counter.pool.free
                # One fact for all of a batch that were refused alike: in a storm of refusals they are many, and say the same.
                known, _ = self.refused.setdefault((error.rule, error.asked), (Refused(command.device, error, free, 0), trace))
                known.count += 1
            return error
        if done.outcome not in _NOTHING:
            self.changes += [(one, trace) for one in (*done.along, done)]
        return done

    async def enter(self, state: PoolState) -> None:
        """Write the changes into the journal, and the step on its ladder that the pool took by them all."""
        pen, origins = self.loaded.pen, dict[Trace, Origin]()
        for number, (done, trace) in enumerate(self.changes, 1):
            holding = done.after or done.before
            assert holding is not None
            origin = origins.get(trace) or origins.setdefault(trace, origin_of(trace))
            kind, reason, detail = _KINDS[done.outcome], done.reason, _class_of(done)
            pen.write(kind, holding.device, done.pool, origin, before=done.before, after=done.after, reason=reason, detail=detail)
            if number % _AT_A_STRETCH == 0:
                await asyncio.sleep(0)
        if state.rung != self.loaded.state.rung:
            write_stage(pen, state, origin)


def _class_of(done: Done) -> str:
    """The class of a device that was, or becomes, another than ordinary; as the journal has it."""
    before = done.before.device_class if done.before else ORDINARY
    if done.after is None or done.after.device_class == before:
        return ""
    return json.dumps({"device_class": done.after.device_class})


class Settling:
    """Settles batches: new devices behind our own last batch in one round trip; else as if nobody else changed the cluster, in two; behind
    the pool's lock where somebody does, for a while, and where there is much to write."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits
        self._careful: dict[str, int] = {}  # how many more batches of a cluster lock first
        self._remembered = Remembered()

    async def settle(self, cluster: str, batch: Sequence[Asked[Several, Settled]]) -> Sequence[Settled | Exception]:
        """What became of each caller's commands, once all is committed."""
        careful = self._careful.pop(cluster, 0)
        if careful > 1:
            self._careful[cluster] = careful - 1
        concerned = _concerned(command for asked in batch for command in asked.command.commands)
        try:
            if not careful and not _needs_lock(batch):
                async with self._database.direct(each_by_itself=True) as tx:
                    settled = await self._guessed(tx, cluster, batch, concerned)
                    if settled is None:
                        loaded = await devices.load(tx, cluster, concerned)
                        settled = await self._settled(tx, batch, loaded, concerned.heard, locked=False)
                if settled is not None:
                    return settled
                self._careful[cluster] = _STAY_CAREFUL
            async with self._database.direct() as tx:
                await devices.lock_pool(tx, cluster)
                loaded = await devices.load(tx, cluster, concerned)
                settled = await self._settled(tx, batch, loaded, concerned.heard, locked=True)
        except NotFound as error:
            return [error] * len(batch)
        assert settled is not None, "nobody writes the journal of a cluster whose pool is ours"
        return settled

    async def _guessed(
        self, tx: DirectTransaction, cluster: str, batch: Sequence[Asked[Several, Settled]], concerned: Concerned
    ) -> Sequence[Settled | Exception] | None:
        """Without a look at the cluster. None, and nothing done, where it is not as our last batch left it, or a device is not new."""
        if len(concerned.heard) < len(concerned.names) or concerned.exempt:
            return None  # who gives back, or points to a primary, speaks of devices that are there; all that are exempt count together
        recalled = self._remembered.recall(cluster, concerned.names, concerned.types)
        if recalled is None:
            return None
        settled = await self._settled(tx, batch, recalled, concerned.heard, locked=False)
        if settled is None:
            self._remembered.doubt(cluster)
        return settled

    async def _settled(
        self,
        tx: DirectTransaction,
        batch: Sequence[Asked[Several, Settled]],
        loaded: devices.Loaded,
        heard: Collection[str],
        *,
        locked: bool,
    ) -> Sequence[Settled | Exception] | None:
        """None, and nothing done, where the cluster was changed meanwhile, or where nobody is locked out and something has to be noted that
        the journal does not show to others: a sign of life, or what was refused. So too where what was assumed is not so, or nothing that
        is written would show it."""
        counting = _Batch(loaded)
        counted = [await counting.count(asked) for asked in batch]
        here = heard_of(heard, loaded.desk.holdings, counting.counter.holdings, loaded.unnoted, written=bool(counting.changes))
        if ((here or counting.refused) and not locked) or (loaded.assumed and not counting.changes):
            return None
        cluster = loaded.pen.cluster
        at = loaded.pen.at
        state, transitions = advance(loaded.state, counting.counter.pool, self._limits, at)
        if state != loaded.state:
            for fact in change_of(cluster, state, transitions, at):
                tx.publish(fact, at, counting.changes[-1][1])
        await record_refusals(tx, cluster, _refused(batch, [outcomes for outcomes, _, _ in counted]), at)
        for refused, trace in counting.refused.values():
            tx.publish(refusal_of(cluster, state, refused, at), at, trace)
        if counting.changes and not await devices.write(tx, state, loaded, counting.counter.holdings, counting.enter(state)):
            return None
        if counting.changes and not locked:
            self._remembered.keep(loaded, state)
        if here:
            await leases.renew(tx, cluster, at, here)
        return [Settled(outcomes, replace(state, pool=pool), held) for outcomes, pool, held in counted]


def _refused(batch: Iterable[Asked[Several, Settled]], outcomes: Iterable[Iterable[Done | NotDone]]) -> list[Demanded]:
    """Every refusal of a batch, device by device."""
    done = zip(batch, outcomes, strict=True)
    pairs = [pair for asked, each in done for pair in zip(asked.command.commands, each, strict=True)]
    return [Demanded(PHONE_UNIT, c.device, c.device_type, o) for c, o in pairs if isinstance(o, Refusal) and isinstance(c, CheckOut)]


def _needs_lock(batch: Sequence[Asked[Several, Settled]]) -> bool:
    """May there be so much to write that it is copied, or is there a lapse, which a renewal must not overtake unseen?"""
    commands = sum(len(asked.command.commands) for asked in batch)
    entries = commands + 1  # one more where the pool takes a step on its ladder
    return entries >= MANY or any(isinstance(command, Lapse) for asked in batch for command in asked.command.commands)


def _concerned(commands: Iterable[Command]) -> Concerned:
    names, types, heard = set[str](), set[str](), set[str]()
    exempt = False
    for command in commands:
        names.add(command.device)
        if isinstance(command, CheckOut):
            types.add(command.device_type)
            heard.add(command.device)
            exempt = exempt or command.device_class not in {None, ORDINARY}
            if command.adjunct_of is not None:
                names.add(command.adjunct_of)
    return Concerned(names, types, heard, exempt)
