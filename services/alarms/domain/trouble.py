"""What is known of a service's data store from two sides: told at once, or read from our own store. The newer word counts."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trouble:
    """The newest fact about one data store: its version (microseconds), and whether the store is failing after it."""

    version: int
    standing: bool

    def newer(self, other: "Trouble | None") -> "Trouble":
        """The later of the two; of one time, the recovery."""
        return self if other is None else max(self, other, key=lambda trouble: (trouble.version, not trouble.standing))


def failing(told: Mapping[str, Trouble], stored: Mapping[str, Trouble]) -> set[str]:
    """The services whose data store fails now."""
    newest = {service: trouble.newer(stored.get(service)) for service, trouble in told.items()}
    return {service for service, trouble in {**stored, **newest}.items() if trouble.standing}
