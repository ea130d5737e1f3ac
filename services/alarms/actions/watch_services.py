"""The watchdog: asks the watched services and the bus whether they are there, and says who is away. Needs no event for it.

Look outside of any transaction, all side by side; then write down what changed, in one. Of several processes one leads.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from services.alarms.actions.clear_alarm import clear_alarm
from services.alarms.actions.raise_alarm import raise_alarm
from services.alarms.domain.catalogue import AlarmName, Catalogue
from services.alarms.domain.heartbeat import LEDGER
from services.alarms.domain.heartbeat import Patience as BeatPatience
from services.alarms.domain.signals import Clear, Raise, microseconds
from services.alarms.domain.watch import BROKER, Patience, Sight, Verdict, away, ends_by_answer, heard_lately, ledger_away, subject_of
from services.alarms.store import alarms
from shared.kit.app import Kit
from shared.kit.clock import Clock
from shared.kit.leader import leadership, still_leads
from shared.kit.logs import log_of
from shared.kit.metrics import Metrics
from shared.kit.transaction import Transaction

_log = log_of("watchdog")
_LOOK_SECONDS = 3.0
_PAUSE_AFTER_FAILURE_SECONDS = 0.5
Ask = Callable[[], Awaitable[str | None]]
"""None when it answers, else why not."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often is looked, and how patiently judged; ``beats``: what the ledger's heartbeat is allowed."""

    look_seconds: float
    patience: Patience
    beats: BeatPatience


class Watchdog:
    """One process's watchdog. Begins to judge anew with each lead: what another process saw last is in the alarms that stand."""

    def __init__(self, watched: Mapping[str, Ask], pace: Pace, catalogue: Catalogue, clock: Clock, metrics: Metrics) -> None:
        self._watched = dict(watched)
        self._pace = pace
        self._catalogue = catalogue
        self._clock = clock
        self._up = metrics.gauge("license_watched_up", "Whether what the alarms watch by asking it answered the newest look.", ["service"])
        self._since = self._clock.running()
        self._sights = dict.fromkeys(self._watched, Sight())
        self._written: dict[str, Verdict] = {}

    def _begin_anew(self) -> None:
        """Looks of an earlier lead are no looks in a row with those of this one; that somebody ever answered stays true."""
        self._sights = {name: Sight(answered=sight.answered) for name, sight in self._sights.items()}
        self._written = {}

    async def run(self, kit: Kit) -> None:
        """Look until cancelled; a store that is away is waited for."""
        while True:
            try:
                async with leadership(kit.database, "watchdog") as lead:
                    while True:
                        await self.look()
                        await still_leads(lead)
                        await self._write(kit)
                        await asyncio.sleep(self._pace.look_seconds)
            except Exception as error:
                _log.warning("watchdog-interrupted", error=repr(error))
            finally:
                self._up.clear()  # who does not look knows nothing
                self._begin_anew()
            await asyncio.sleep(_PAUSE_AFTER_FAILURE_SECONDS)

    async def look(self) -> None:
        """Ask everybody once, side by side."""
        findings = await asyncio.gather(*map(_finding, self._watched.values()))
        now = self._clock.now()
        for name, finding in zip(self._watched, findings, strict=True):
            self._sights[name] = self._sights[name].after(finding, now)
            self._up.labels(name).set(finding is None)

    def _verdicts(self) -> dict[str, Verdict]:
        watched_seconds = self._clock.running() - self._since
        return {name: sight.verdict(watched_seconds, self._pace.patience) for name, sight in self._sights.items()}

    async def _write(self, kit: Kit) -> None:
        verdicts = self._verdicts()
        if verdicts == self._written and set(verdicts.values()) == {Verdict.UP}:
            return
        async with kit.database.transaction() as tx:
            await self.judge(tx, verdicts)
        self._written = verdicts

    async def judge(self, tx: Transaction, verdicts: Mapping[str, Verdict]) -> None:
        """Raise and clear. An absence that stands is not counted again."""
        for name, verdict in sorted(verdicts.items()):
            if name == LEDGER:
                await self._judge_ledger(tx, verdict, verdicts)
            elif verdict is Verdict.AWAY:
                await self._raise(tx, away(name, self._sights[name], tx.now))
            elif verdict is Verdict.UP:
                await _clear(tx, AlarmName.INTERNAL_ERROR, subject_of(name))
        watched = {subject_of(name) for name in verdicts}
        for subject in await alarms.standing_subjects(tx, AlarmName.INTERNAL_ERROR):
            if ends_by_answer(subject) and subject not in watched:  # nobody watches it any more, so nobody else would end it
                await _clear(tx, AlarmName.INTERNAL_ERROR, subject)

    async def _judge_ledger(self, tx: Transaction, verdict: Verdict, verdicts: Mapping[str, Verdict]) -> None:
        """Away is who neither answers nor beats. While beats can arrive they end the alarm; else the answer does."""
        beat = await alarms.beat_of(tx, LEDGER)
        if verdict is Verdict.AWAY and not heard_lately(beat, tx.now, self._pace.beats):
            await self._raise(tx, ledger_away(beat, self._sights[LEDGER], tx.now))
        elif verdict is Verdict.UP and verdicts.get(BROKER) is Verdict.AWAY:
            await _clear(tx, AlarmName.MANAGER_DOWN, LEDGER, of_beats=True)

    async def _raise(self, tx: Transaction, signal: Raise) -> None:
        # Behind what is settled, also after the clock was set back: nothing else would ever say it.
        over = await alarms.settled(tx, signal.name, signal.subject)
        if await alarms.standing(tx, signal.name, signal.subject) is None:
            await raise_alarm(tx, self._catalogue, replace(signal, version=max(signal.version, over + 1)))


async def _clear(tx: Transaction, name: AlarmName, subject: str, *, of_beats: bool = False) -> None:
    """End what stands. ``of_beats``: its versions are the ledger's time, of which ours may not settle anything that comes."""
    over = await alarms.settled(tx, name, subject)
    known = await alarms.standing(tx, name, subject)
    if known is not None:
        version = known.fact_version if of_beats else max(known.fact_version, microseconds(tx.now))
        await clear_alarm(tx, Clear(name, subject, max(over, version), tx.now))


async def _finding(ask: Ask) -> str | None:
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            return await ask()
    except TimeoutError:
        return f"no answer within {_LOOK_SECONDS:g} s"
    except Exception as error:
        return type(error).__name__
