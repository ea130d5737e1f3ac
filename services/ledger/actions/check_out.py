"""A device takes the units of its type, or is re-priced when its type, its primary or its price changed; or many devices do."""

from collections.abc import Sequence

from services.ledger.actions.settle_batch import Desks, Settled, Several
from services.ledger.domain.desk import Holding
from services.ledger.domain.devices import CheckOut, Command, Outcome
from services.ledger.domain.network_service import LicenseManagerStopped
from services.ledger.domain.refusals import AtomicRefused, NotDone
from services.ledger.domain.transitions import PoolState


async def check_out(desks: Desks, cluster: str, command: CheckOut) -> tuple[Holding, PoolState, Outcome]:
    """What the device holds now, the pool left behind, and what happened. Raises NotFound, Busy and NotDone."""
    settled = await desks.ask(cluster, Several((command,)))
    (done,) = settled.outcomes
    if isinstance(done, Exception):
        raise done
    assert done.after is not None
    return done.after, settled.state, done.outcome


async def do_several(desks: Desks, cluster: str, commands: Sequence[Command], *, atomic: bool) -> Settled:
    """Check many devices out, or in, in one transaction, in their order. Raises NotFound, Busy, and where none was done
    LicenseManagerStopped, which all of them would meet, or AtomicRefused."""
    settled = await desks.ask(cluster, Several(commands, atomic), weight=max(1, len(commands)))
    refused = [outcome for outcome in settled.outcomes if isinstance(outcome, NotDone)]
    stopped = next((error for error in refused if isinstance(error, LicenseManagerStopped)), None)
    if atomic and stopped:
        raise stopped
    if atomic and refused:
        raise AtomicRefused(len(refused), len(commands), str(refused[0])) from refused[0]
    return settled
