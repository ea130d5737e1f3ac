"""What a caller must be allowed to use an operation. Written into the operation's contract, where the gateway reads it.

A part of an operation may need more than the whole: then the service itself asks the gateway's word.
"""

from dataclasses import dataclass
from typing import Any, Literal

from shared.kit.identity import current_identity

CallerScope = Literal["viewer", "operator", "admin", "vendor"]
SCHEME = "callerKey"


def needs(scope: CallerScope, *, largest_body_bytes: int | None = None) -> dict[str, Any]:
    """``openapi_extra`` of a route: the least scope, and a body limit where it is not that of all JSON (1 MiB)."""
    extra: dict[str, Any] = {"security": [{SCHEME: [scope]}]}
    if largest_body_bytes is not None:
        extra["x-largest-body-bytes"] = largest_body_bytes
    return extra


@dataclass
class ScopeTooNarrow(Exception):
    """The caller may use the operation, and not this part of it."""

    scope_needed: str
    scope_held: str
    member: str

    def __str__(self) -> str:
        return f"To give {self.member} needs a key of scope {self.scope_needed}; this one has scope {self.scope_held}. Leave it out."


def need_scope(scope: CallerScope, member: str) -> None:
    """``member`` of a request is for callers of this scope. A service without keys answers whoever reaches it, here as everywhere.

    Raises ScopeTooNarrow.
    """
    identity = current_identity()
    if identity is not None and identity.scope != scope:
        raise ScopeTooNarrow(scope, identity.scope, member)
