"""Which service must hear which fact, and which facts must not queue behind others. A contract test holds it to what services consume.

A fact that stands in READERS must find a reader: the bus does not count it as published as long as no queue takes it. A type that
nobody reads yet (it may be read by others, later) does not stand here.
"""

from collections.abc import Mapping
from types import MappingProxyType

from shared.contracts.base import Event
from shared.contracts.events import calculator, faults, ledger, licensefile

_BY_READER: Mapping[str, tuple[type[Event], ...]] = {
    "alarms": (
        ledger.PoolChanged,
        ledger.OverdraftEntered,
        ledger.OverdraftStageReached,
        ledger.OverdraftLeft,
        ledger.LimitApproached,
        ledger.LimitReceded,
        ledger.RequestRefused,
        ledger.LicenseManagerStopped,
        ledger.LicenseManagerStarted,
        licensefile.LicenseFileInstalled,
        licensefile.LicenseFileRefused,
        faults.LedgerHeartBeaten,
        faults.LedgerDataStoreFailed,
        faults.LedgerDataStoreRecovered,
        faults.LedgerInternalErrorOccurred,
        faults.LicenseFileDataStoreFailed,
        faults.LicenseFileDataStoreRecovered,
        faults.LicenseFileInternalErrorOccurred,
    ),
    "ledger": (
        calculator.CataloguePublished,
        licensefile.LicenseFileInstalled,
        licensefile.LicenseFileStateChanged,
    ),
    "licensefile": (
        ledger.ClusterChanged,
        ledger.GrantsChanged,
    ),
}

READERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        kind.type: frozenset(reader for reader, kinds in _BY_READER.items() if kind in kinds)
        for kinds in _BY_READER.values()
        for kind in kinds
    }
)
"""The services that must hear a type, by event type."""

URGENT = frozenset(
    kind.type
    for kind in (
        faults.LedgerHeartBeaten,
        faults.LedgerDataStoreFailed,
        faults.LedgerDataStoreRecovered,
        faults.LicenseFileDataStoreFailed,
        faults.LicenseFileDataStoreRecovered,
    )
)
"""Signs of life and of death: they go past a backlog, in a queue of their own."""

SECONDS_TO_LIVE: Mapping[str, float] = MappingProxyType({faults.LedgerHeartBeaten.type: 15.0})
"""Facts that say nothing any more after so long: they are thrown away instead of heaping up."""


def types_read_by(service: str) -> frozenset[str]:
    """The event types that ``service`` must hear."""
    return frozenset(type_ for type_, readers in READERS.items() if service in readers)
