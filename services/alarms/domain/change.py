"""Something that became of an alarm, as listeners are told it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """``what``: raised, repeated, escalated, acknowledged, commented or cleared. ``alarm``: as it stood then, ready for JSON."""

    position: int
    what: str
    alarm: Mapping[str, Any]
