"""What a service says about its own troubles. Each owner has its own types, made here by one rule."""

from datetime import datetime
from typing import ClassVar

from shared.contracts.base import Event


class FaultEvent(Event):
    """A fact about a service itself; the owner stands in the type."""

    service: str
    at: datetime

    @property
    def subject(self) -> str:
        return self.service


class DataStoreFailed(FaultEvent):
    """The service could not read or write its data store. Published past the outbox, because the outbox is in that store."""

    operation: str
    correlation_id: str
    error: str


class DataStoreRecovered(FaultEvent):
    """The data store answers again; nothing acknowledged was lost."""

    failed_at: datetime


class InternalErrorOccurred(FaultEvent):
    """A request, an event or a timer ended in an error that nobody foresaw."""

    operation: str
    correlation_id: str
    error: str


class HeartBeaten(FaultEvent):
    """The service is alive; published directly, every few seconds."""

    interval_seconds: float


class LedgerDataStoreFailed(DataStoreFailed):
    type: ClassVar[str] = "ledger.data-store-failed.v1"


class LedgerDataStoreRecovered(DataStoreRecovered):
    type: ClassVar[str] = "ledger.data-store-recovered.v1"


class LedgerInternalErrorOccurred(InternalErrorOccurred):
    type: ClassVar[str] = "ledger.internal-error-occurred.v1"


class LedgerHeartBeaten(HeartBeaten):
    type: ClassVar[str] = "ledger.heart-beaten.v1"


class LicenseFileDataStoreFailed(DataStoreFailed):
    type: ClassVar[str] = "licensefile.data-store-failed.v1"


class LicenseFileDataStoreRecovered(DataStoreRecovered):
    type: ClassVar[str] = "licensefile.data-store-recovered.v1"


class LicenseFileInternalErrorOccurred(InternalErrorOccurred):
    type: ClassVar[str] = "licensefile.internal-error-occurred.v1"
