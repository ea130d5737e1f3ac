"""Leases: a device that said how soon it would be heard from again, and was not, gives its units back.

Leases run by a clock of their own, which ticks while the ledger listens. When it has not ticked for longer than ``patience``, or the
time of the database was set, every lease begins anew: nobody can be heard from where nobody listens. Those of a cluster whose license
manager is stopped do not run, and begin anew when it is started.

Must not be broken: a lease is judged by the last tick and never by the time, so that a time that jumps takes nothing back.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.ledger.domain.desk import Holding
from services.ledger.domain.network_service import NetworkService


@dataclass(frozen=True, slots=True)
class LeaseClock:
    """``ticked_at``: until when it was listened; ``runs_from``: since when without a gap. Both by the database's time.

    ``stands``: it stands still.
    """

    ticked_at: datetime
    runs_from: datetime
    stands: bool = False

    def tick(self, now: datetime, patience: timedelta) -> "LeaseClock":
        """The clock at ``now``."""
        listened = timedelta() <= now - self.ticked_at <= patience
        return LeaseClock(now, self.runs_from if listened else now)

    def of_cluster(self, service: NetworkService) -> "LeaseClock":
        """The clock as a cluster has it: it stands while the license manager is stopped, and runs anew from its start."""
        runs_from = max(self.runs_from, service.since) if service.since else self.runs_from
        return LeaseClock(self.ticked_at, runs_from, service.stopped)

    def end_of(self, ends_at: datetime | None, seconds: int | None) -> datetime | None:
        """When a lease that was to end at ``ends_at`` does end; None for no lease, or where nobody knows. In SQL: ``LAPSED`` of
        store/leases.py."""
        begun_anew = end_of(self.runs_from, seconds)
        return None if self.stands or ends_at is None or begun_anew is None else max(ends_at, begun_anew)


def end_of(begin: datetime, seconds: int | None) -> datetime | None:
    """The end of a lease; None for no lease."""
    return None if seconds is None else begin + timedelta(seconds=seconds)


def heard_of(
    heard: Iterable[str], before: Mapping[str, Holding], after: Mapping[str, Holding], unnoted: Set[str], *, written: bool
) -> dict[str, int | None]:
    """Whose sign of life has to be noted, and the lease of each: those of ``heard`` that hold units, under a lease or ``unnoted`` lately.

    ``written``: devices that changed are being written with all that is theirs; what is left are those that did not.
    """
    noted: dict[str, int | None] = {}
    for name in heard:
        holding = after.get(name)
        if holding is None:
            continue
        changed = before.get(name) is not holding
        if not written if changed else holding.lease_seconds is not None or name in unnoted:
            noted[name] = holding.lease_seconds
    return noted
