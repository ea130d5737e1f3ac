"""How a receiver's refusal is told to whoever keeps the delivery."""

from dataclasses import dataclass


@dataclass
class DeliveryFailed(Exception):
    """The receiver did not take it. ``answer``: why, in its own words where there are any; at most 500 printable characters.

    ``gone``: it never will. ``retry_after_seconds``: it asked to be left alone for so long.
    """

    answer: str
    gone: bool = False
    retry_after_seconds: float | None = None

    def __str__(self) -> str:
        return self.answer
