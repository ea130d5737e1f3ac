"""Acts of the desk: what was asked of it and done, by whom, when and why. Only ever added to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

Act = Literal["order_requested", "order_approved", "license_registered", "license_rehosted", "share_returned", "delivery_requested"]
ACTS: tuple[Act, ...] = get_args(Act)
"""The same words stand in CHECK desk_act_known; a new act is a word in both."""


@dataclass(frozen=True, slots=True)
class DeskAct:
    """One act. ``license_file_id``: the file that was made or sent, None of an order's acts; ``reason``: what the caller gave."""

    act_id: int
    act: Act
    order_id: int
    license_file_id: str | None
    reason: str | None
    caller: str
    at: datetime

    def __post_init__(self) -> None:
        assert self.act in ACTS  # paired with CHECK desk_act_known
        assert (self.license_file_id is None) == self.act.startswith("order_")  # paired with CHECK desk_act_names_its_file
