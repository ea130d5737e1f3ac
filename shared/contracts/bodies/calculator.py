"""Bodies of the calculator."""

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.base import AnswerBody, RequestBody
from shared.contracts.fields import Count, Name, PositiveCount


class DeviceTypeBody(AnswerBody):
    """A device type: what it costs, and how sure we are (``provisional``: no source confirms it). ``local``: the customer's own."""

    device_type: str = Field(examples=["cisco-7970"])
    label: str
    model_code: int | None
    units: int
    adjunct_units: int | None = Field(description="Units as adjunct of a primary phone; null where it cannot be one.")
    provisional: bool
    source: str
    local: bool


class NewDeviceType(RequestBody):
    """A local device type."""

    label: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(default=None, description="The name by default.")
    units: PositiveCount
    model_code: Count | None = None


class WantedDevices(RequestBody):
    """So many devices of one type."""

    device_type: Name
    count: Count


class NewUnitCalculation(RequestBody):
    """A what-if: devices and nodes wanted, and the cluster whose pool they would come from."""

    devices: Annotated[list[WantedDevices], Field(max_length=1000)]
    nodes: Count = 0
    cluster: Name | None = None


class CalculationLine(AnswerBody):
    device_type: str
    units_each: int
    count: int
    units: int


class PoolAfter(AnswerBody):
    """The cluster's PHONE_UNIT pool if all this were checked out."""

    remaining: int
    overdraft: int
    status: Literal["within", "overdraft", "exhausted", "beyond_allowance"]
    forecast: Literal["running_out", "not_running_out", "used_up", "not_enough_history"] = Field(
        description="What the pool's forecast says without the devices asked about."
    )
    days_left_before: float | None = Field(
        description="Days until nothing can be checked out any more, as things stand; null: unknown or never."
    )
    days_left: float | None = Field(description="The same, if all this were checked out.")


class UnitCalculation(AnswerBody):
    """What it comes to."""

    lines: list[CalculationLine]
    total_units: int
    total_nodes: int
    after: PoolAfter | None = None
