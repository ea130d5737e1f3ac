"""Who may do what, and who may make or delete whom. Pure.

Must not be broken: the vendor's desk and the customer's side are apart. Neither side's key opens the other's doors, and
neither side makes callers for the other, whatever the order of scopes within a side.
"""

from collections.abc import Collection
from dataclasses import dataclass

_RANKS = {"viewer": 1, "operator": 2, "admin": 3}
VENDOR = "vendor"
MANAGING = ("admin", VENDOR)
"""The scopes whose callers manage callers, each of its own side."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A known caller and its scope."""

    name: str
    scope: str


@dataclass
class ForeignScope(Exception):
    """A caller would be made, or deleted, by the other side."""

    caller: str
    scope: str
    scope_held: str

    def __str__(self) -> str:
        side = "vendor callers only" if self.scope_held == VENDOR else "viewer, operator and admin callers only"
        return f"{self.caller!r} is a caller of scope {self.scope}; a key of scope {self.scope_held} manages {side}."


@dataclass
class CallerExists(Exception):
    """The name is taken."""

    caller: str

    def __str__(self) -> str:
        return f"There is a caller {self.caller!r} already. Choose another name, or delete that one first; its key ends with it."


@dataclass
class LastAdmin(Exception):
    """Without this caller nobody could manage the callers of its side."""

    caller: str
    scope: str

    def __str__(self) -> str:
        return f"{self.caller!r} is the last caller of scope {self.scope}; without it nobody could manage callers. Make another one first."


def may(held: str, needed: str) -> bool:
    """Does a key of scope ``held`` open what asks for ``needed``? vendor opens vendor only, and nothing else opens it."""
    if held == VENDOR or needed == VENDOR:
        return held == needed
    return _RANKS[held] >= _RANKS[needed]


def managed_by(scope_held: str) -> tuple[str, ...]:
    """The scopes of the callers that a key of ``scope_held`` may make, see and delete."""
    return (VENDOR,) if scope_held == VENDOR else tuple(_RANKS)


def check_same_side(scope_held: str, caller: Caller) -> None:
    """Raises ForeignScope."""
    if caller.scope not in managed_by(scope_held):
        raise ForeignScope(caller.name, caller.scope, scope_held)


def check_deletable(caller: Caller, managing: Collection[str]) -> None:
    """May ``caller`` go, where ``managing`` are the names of all callers of its scope? Raises LastAdmin."""
    if caller.scope in MANAGING and set(managing) <= {caller.name}:
        raise LastAdmin(caller.name, caller.scope)
