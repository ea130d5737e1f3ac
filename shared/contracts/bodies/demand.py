"""Bodies of what a cluster lacks: what was refused, and when its units will be gone."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from shared.contracts.base import AnswerBody


class RefusalsOfDay(AnswerBody):
    """What was refused on one day: of one feature, for devices of one type, by one rule."""

    day: date = Field(description="In UTC.")
    feature: str
    device_type: str = Field(description="Empty for nodes.")
    rule: str = Field(description="The slug of the problem that was answered.", examples=["units-exhausted"])
    refusals: int = Field(description="Requests; a device that asks again and again counts each time.")
    units_asked: int = Field(description="Of all requests together.")
    devices: int = Field(description="Different devices, or nodes; of a cluster's refused devices two thousand are known by name.")
    more_devices: bool = Field(description="Whether there were more than `devices`.")
    first_at: datetime
    last_at: datetime
    open_devices: int = Field(description="Of the devices that asked last on that day: those that still do not hold what they asked for.")
    open_units: int = Field(description="What those asked for.")


class UnmetDemand(AnswerBody):
    """Devices that asked for units in the last 30 days, were refused, and still do not hold them."""

    feature: str
    device_type: str = Field(description="Empty for nodes.")
    rule: str
    devices: int
    units: int
    refusals: int
    first_at: datetime
    last_at: datetime


class DaysLeft(AnswerBody):
    """Days from now; null for never. ``low`` at the fastest growth that is likely, ``high`` at the slowest."""

    days_left: float | None
    low: float | None
    high: float | None


class Growth(AnswerBody):
    """Units a day: the median, and the bounds between which the growth lies with the forecast's ``confidence``."""

    median: float
    low: float
    high: float


class ForecastHistory(AnswerBody):
    """The whole days (UTC) that a forecast was made from."""

    first_day: date
    last_day: date
    days: int


class Forecast(AnswerBody):
    """When nothing can be checked out any more, overdraft included, if use goes on as it did in the last twelve weeks.

    ``not_enough_history``: fewer than ``needed_days`` whole days; then nothing is forecast. ``not_running_out``: use does not grow.
    """

    cluster: str
    feature: str
    outcome: Literal["running_out", "not_running_out", "used_up", "not_enough_history"]
    days_left: float | None
    low: float | None
    high: float | None
    until_overdraft: DaysLeft | None = Field(description="Until all that is authorized is used.")
    free: int = Field(description="Units that can be checked out now, overdraft included.")
    growth_per_day: Growth | None
    confidence: float
    history: ForecastHistory | None
    needed_days: int
    at: datetime
