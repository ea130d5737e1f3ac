"""The stream has room for so many."""

from dataclasses import dataclass


@dataclass
class TooManyListeners(Exception):
    """Every listener holds a connection."""

    listeners: int

    def __str__(self) -> str:
        return f"{self.listeners} listen already, which is the limit of this process. Try again later, or list /v1/alarms instead."
