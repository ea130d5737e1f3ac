"""What the alarms hear. Which fact means what stands in domain/rules.py; here is only who is told."""

from services.alarms.actions.clear_alarm import clear_alarm
from services.alarms.actions.measure import Board
from services.alarms.actions.raise_alarm import raise_alarm
from services.alarms.actions.watch_ledger import LedgerWatch, hear_heartbeat
from services.alarms.actions.weigh_refusals import hear_overdraft, hear_pool_change, hear_refusal
from services.alarms.domain.catalogue import Catalogue
from services.alarms.domain.rules import RULES
from services.alarms.domain.signals import Raise
from shared.contracts.base import Event
from shared.contracts.events import faults, ledger, licensefile
from shared.kit.consumers import Consumers
from shared.kit.transaction import Transaction

BY_RULE: tuple[type[Event], ...] = (
    ledger.OverdraftEntered,
    ledger.OverdraftStageReached,
    ledger.OverdraftLeft,
    ledger.LimitApproached,
    ledger.LimitReceded,
    ledger.LicenseManagerStopped,
    ledger.LicenseManagerStarted,
    licensefile.LicenseFileRefused,
    licensefile.LicenseFileInstalled,
    faults.LedgerDataStoreFailed,
    faults.LedgerDataStoreRecovered,
    faults.LicenseFileDataStoreFailed,
    faults.LicenseFileDataStoreRecovered,
    faults.LedgerInternalErrorOccurred,
    faults.LicenseFileInternalErrorOccurred,
)
"""Heard by the table of rules alone."""

ABOUT_STORES = tuple(kind for kind in BY_RULE if issubclass(kind, faults.DataStoreFailed | faults.DataStoreRecovered))
"""Told at once: the store that failed may be ours too."""


def consumers_of(catalogue: Catalogue, board: Board, watch: LedgerWatch) -> Consumers:
    """The consumers of one alarms service."""
    consumers = Consumers()

    async def hear(tx: Transaction, event: Event) -> None:
        signal = RULES[event.type](event)
        if isinstance(signal, Raise):
            await raise_alarm(tx, catalogue, signal)
        elif signal is not None:
            await clear_alarm(tx, signal)

    def tell(event: Event) -> None:
        if (signal := RULES[event.type](event)) is not None:
            board.tell_at_once(signal)

    for kind in BY_RULE:
        if kind is ledger.OverdraftEntered:  # also needs what was heard of the pool before
            continue
        consumers.on(kind)(hear)
    for kind in ABOUT_STORES:
        consumers.at_once(kind)(tell)
    _hear_pools(consumers, catalogue)
    consumers.on(faults.LedgerHeartBeaten)(hear_heartbeat)
    consumers.at_once(faults.LedgerHeartBeaten)(watch.hear)
    return consumers


def _hear_pools(consumers: Consumers, catalogue: Catalogue) -> None:
    @consumers.on(ledger.OverdraftEntered)
    async def on_overdraft_entered(tx: Transaction, event: ledger.OverdraftEntered) -> None:
        await hear_overdraft(tx, catalogue, event)

    @consumers.on(ledger.RequestRefused)
    async def on_request_refused(tx: Transaction, event: ledger.RequestRefused) -> None:
        await hear_refusal(tx, catalogue, event)

    @consumers.on(ledger.PoolChanged)
    async def on_pool_changed(tx: Transaction, event: ledger.PoolChanged) -> None:
        await hear_pool_change(tx, catalogue, event)
