"""A device gives its units back."""

from services.ledger.actions.settle_batch import Desks, Several
from services.ledger.domain.devices import CheckIn, Outcome


async def check_in(desks: Desks, cluster: str, command: CheckIn) -> Outcome:
    """Nothing happens where there is no such device. Raises NotFound for an unknown cluster, Busy, PrimaryOfAdjunct."""
    (done,) = (await desks.ask(cluster, Several((command,)))).outcomes
    if isinstance(done, Exception):
        raise done
    return done.outcome
