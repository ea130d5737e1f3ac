"""Bodies of the ledger's journal."""

from datetime import datetime

from pydantic import Field

from shared.contracts.base import AnswerBody


class JournalEntry(AnswerBody):
    """A change of a cluster's units. Units are of the feature (for CCM_NODE, nodes); balances are those of its pool afterwards."""

    cluster: str
    sequence: int
    kind: str = Field(examples=["check_out"])
    feature: str
    subject: str = Field(description="The device, node or license file.")
    device_type_before: str | None
    units_before: int | None = Field(description="What the subject held before; null for nothing.")
    device_type: str | None
    units: int | None = Field(description="What it held afterwards; null for nothing.")
    adjunct_of: str | None
    authorized_change: int
    overdraft_change: int
    authorized: int
    overdraft_allowed: int
    used: int
    reason: str
    detail: str = Field(description="JSON of what else is worth knowing, or empty.")
    caller: str
    source: str = Field(description="By which door it came: http, event or timer.")
    trace_id: str
    at: datetime
    hash: str = Field(description="SHA-256 over the hash before it and this entry, in hexadecimal digits.")


class JournalFault(AnswerBody):
    """Where a journal first proves that it was tampered with."""

    sequence: int
    reason: str


class JournalVerification(AnswerBody):
    """The verdict on a journal. ``head`` names its last entry (`sequence:hash`): who notes it elsewhere can ask for it later."""

    entries: int
    head: str
    intact: bool
    first_fault: JournalFault | None = None
