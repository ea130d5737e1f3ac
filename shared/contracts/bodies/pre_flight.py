"""Bodies of the pre-flight: what would become of a cluster's license files, and what to request."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, Field

from shared.contracts.base import AnswerBody, RequestBody
from shared.contracts.bodies.licensefile import GrantBody
from shared.contracts.events.ledger import PoolStatus
from shared.contracts.events.licensefile import FileState
from shared.contracts.fields import MacText, ProductVersion


def _no_number(value: object) -> object:
    if isinstance(value, bool | int | float):
        raise ValueError("must be a day (2026-03-14) or an instant with its offset (2026-03-14T09:26:53Z)")
    return value


DayOrInstant = Annotated[AwareDatetime | date, Field(union_mode="left_to_right"), BeforeValidator(_no_number)]
"""A day, or an instant with its offset from UTC."""


class NewPreFlight(RequestBody):
    """A change that is thought of; all members together, and with none what happens if nothing is changed."""

    first_node_mac: MacText | None = Field(default=None, examples=["0015C5F3A1FF"], description="The MAC that the first node would get.")
    product_version: ProductVersion | None = Field(default=None, examples=["6.0"], description="The version it would be raised to.")
    at: DayOrInstant | None = Field(
        default=None,
        examples=["2026-12-01"],
        description="When that would be: an instant, or a day (its first moment, UTC; today means now). Left out: now.",
    )


class ForetoldState(AnswerBody):
    """How a file stands. ``granting``: whether its units stay for the time being."""

    state: FileState
    reason: str
    granting: bool
    grace_ends_at: datetime | None = Field(description="When its units are taken back if it still does not fit; null while it fits.")


class ForetoldFile(AnswerBody):
    """A file that grants now. ``breaks``: the change, or the time until then, brings it trouble that it has not now."""

    license_file_id: str
    file_name: str
    mac: str
    grants: list[GrantBody]
    expires_at: datetime | None
    before: ForetoldState
    after: ForetoldState
    breaks: bool
    units_end_at: datetime | None = Field(description="When its units are taken back, be it by grace or expiry; null if they stay.")


class ForetoldPool(AnswerBody):
    """A pool as it would be with as many units in use as now."""

    feature: str
    authorized: int
    overdraft_allowed: int
    used: int
    remaining: int
    overdraft: int
    status: PoolStatus


class ForetoldManager(AnswerBody):
    """The node that would be license manager."""

    node: str
    mac: str


class ForetoldCluster(AnswerBody):
    """The cluster at one moment. ``software_license_missing``: new check-outs are refused (`software-license-missing`)."""

    product_version: str
    first_node_mac: str | None
    license_manager: ForetoldManager | None
    pools: list[ForetoldPool]
    software_major: int = Field(description="The highest major whose software is licensed; 0 for none.")
    software_license_missing: bool


class ForetoldLoss(AnswerBody):
    """What is taken back of a feature: until the change is made, that included, and after it."""

    feature: str
    units_at_once: int
    overdraft_units_at_once: int
    units_later: int
    overdraft_units_later: int


class ForetoldMove(AnswerBody):
    """A file that stands otherwise from this moment on."""

    license_file_id: str
    state: FileState
    granting: bool
    reason: str


class ForetoldMoment(AnswerBody):
    """A moment at which something happens, and how the cluster is from then on."""

    at: datetime
    license_files: list[ForetoldMove]
    cluster: ForetoldCluster


class VendorCall(AnswerBody):
    """A call at the vendor's desk. ``to_fill_in``: members of ``body`` that are null because only the caller knows them."""

    method: Literal["POST"]
    path: str
    body: dict[str, str | int | None]
    to_fill_in: list[str]


class VendorRequest(AnswerBody):
    """What to request of the vendor. ``license_file_id``: the file that it is about; null for a software license."""

    kind: Literal["rehost", "upgrade", "new_file", "software_license"]
    license_file_id: str | None
    text: str
    call: VendorCall


class PreFlightBody(AnswerBody):
    """What would happen. Nothing was changed, and nothing is remembered.

    ``license_files``: those that grant now, those that break first, at most 200 of all; likewise ``timeline`` and ``requests``.
    """

    cluster: str
    at: datetime
    summary: str
    breaking: int = Field(description="Files that break.")
    grace_ends_at: datetime | None = Field(description="When the first grace ends, of all files in trouble after the change.")
    license_files: list[ForetoldFile]
    license_files_total: int
    losses: list[ForetoldLoss]
    before: ForetoldCluster
    after: ForetoldCluster
    in_the_end: ForetoldCluster = Field(description="After everything on the timeline, if nothing is requested.")
    starter: str | None = Field(description="What becomes of the starter license while it grants phone units.")
    timeline: list[ForetoldMoment]
    timeline_total: int
    requests: list[VendorRequest]
    requests_total: int
