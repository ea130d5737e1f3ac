"""The metrics. They are read from the store at each scrape, so neither a restart nor a rolled back transaction can make them drift.

One figure must not wait for a store: that a data store fails. It is told at once and kept here beside what the store says.
"""

from itertools import product
from typing import get_args

from services.alarms.domain.catalogue import AlarmName, Catalogue
from services.alarms.domain.destination import Kind
from services.alarms.domain.signals import Clear, Raise
from services.alarms.domain.trouble import Trouble, failing
from services.alarms.store import alarms, deliveries
from shared.kit.database import Database
from shared.kit.logs import log_of
from shared.kit.metrics import Metrics

_log = log_of("alarms")


class Board:
    """What is shown of the alarms in this process."""

    def __init__(self, metrics: Metrics, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._active = metrics.gauge("license_alarms_active", "Alarms that stand.", ["name", "severity", "cluster"])
        self._raised = metrics.counter("license_alarms_raised_total", "Alarms raised since the beginning.", ["name", "severity"])
        self._deliveries = metrics.counter(
            "license_alarm_deliveries_total", "Attempts to tell destinations, and what was given up or overtaken.", ["kind", "outcome"]
        )
        for kind, outcome in product(get_args(Kind), ("sent", "failed", "given_up", "overtaken")):
            self._deliveries.labels(kind, outcome)
        self._delivered: dict[tuple[str, str], int] = {}
        self._told: dict[str, Trouble] = {}
        self._stored: dict[str, Trouble] = {}
        self._standing: dict[tuple[str, str], int] = {}
        self._counted: dict[str, int] = {}
        self._shown: set[tuple[str, str]] = {(name.value, "") for name in AlarmName}

    def tell_at_once(self, signal: Raise | Clear) -> None:
        """A fact about a data store, before any store is asked. Said again it changes nothing and writes no line."""
        known = self._told.get(signal.subject)
        newest = Trouble(signal.version, isinstance(signal, Raise)).newer(known)
        if newest == known:
            return
        self._told[signal.subject] = newest
        if isinstance(signal, Raise):
            kind = self._catalogue[signal.name]
            _log.error("alarm-told-at-once", alarm=kind.name.value, severity=kind.severity, subject=signal.subject, reason=signal.reason)
        self._show()

    async def refresh(self, database: Database) -> None:
        """Read the figures and show them; where the store is away, show the last ones and what was told since."""
        try:
            async with database.transaction() as tx:
                standing = await alarms.standing_by_cluster(tx)
                tally = await alarms.raised_by_name(tx)
                troubles = await alarms.troubles(tx, AlarmName.DATA_STORE_ERROR)
                outcomes = await deliveries.outcomes(tx)
            self._standing, self._stored = standing, troubles
            self._count(tally)
            self._count_deliveries(outcomes)
        finally:
            self._show()

    def _show(self) -> None:
        store_error = (AlarmName.DATA_STORE_ERROR.value, "")
        figures = {**self._standing, store_error: len(failing(self._told, self._stored))}
        self._shown |= set(figures)
        for name, cluster in self._shown:
            severity = self._catalogue[AlarmName(name)].severity
            self._active.labels(name, severity, cluster).set(figures.get((name, cluster), 0))

    def _count(self, tally: dict[str, int]) -> None:
        for alarm in AlarmName:
            more = tally.get(alarm.value, 0) - self._counted.get(alarm.value, 0)
            if more >= 0:  # of two scrapes at once the earlier may have been answered last
                self._raised.labels(alarm.value, self._catalogue[alarm].severity).inc(more)
                self._counted[alarm.value] = tally.get(alarm.value, 0)

    def _count_deliveries(self, outcomes: dict[tuple[str, str], int]) -> None:
        for of, count in outcomes.items():
            if (more := count - self._delivered.get(of, 0)) > 0:  # of two scrapes at once the earlier may have been answered last
                self._deliveries.labels(*of).inc(more)
                self._delivered[of] = count
