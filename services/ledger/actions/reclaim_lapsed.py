"""The units of devices whose leases have lapsed go back to their pools, as batches among all others."""

import asyncio

from services.ledger.actions.settle_batch import Desks, Settled, Several
from services.ledger.domain.devices import Done, Lapse
from services.ledger.store import leases
from shared.kit.batches import Busy
from shared.kit.database import Database
from shared.kit.logs import log_of

_log = log_of("leases")
_AT_ONCE = 1_000
"""Devices of a cluster in one batch; others have their turn in between."""
_ROUNDS = 20
"""So many batches of a cluster in one run: the next is not far."""


async def reclaim_lapsed(database: Database, desks: Desks) -> None:
    """A cluster that fails holds up no other; the first failure is raised at the end."""
    for _ in range(_ROUNDS):
        async with database.direct(each_by_itself=True) as direct:
            found = await leases.find_lapsed(direct, _AT_ONCE)
        outcomes = await asyncio.gather(*(_reclaim(desks, *one) for one in found.items()), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        if all(len(names) < _AT_ONCE for names in found.values()):
            return


async def _reclaim(desks: Desks, cluster: str, names: list[str]) -> None:
    """What the lock shows to have been renewed, or to be gone, stays as it is."""
    try:
        settled: Settled = await desks.ask(cluster, Several([Lapse(name) for name in names]), weight=len(names))
    except Busy as busy:
        _log.info("leases-wait", cluster=cluster, lapsed=len(names), waiting=busy.waiting)  # the next run asks again
        return
    done = [one for outcome in settled.outcomes if isinstance(outcome, Done) for one in (*outcome.along, outcome)]
    taken = [one.before.units for one in done if one.outcome == "reclaimed" and one.before is not None]
    _log.info("leases-lapsed", cluster=cluster, devices=len(taken), units=sum(taken))
