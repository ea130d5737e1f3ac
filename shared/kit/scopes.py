"""What a caller must be allowed to use an operation. Written into the operation's contract, where the gateway reads it."""

from typing import Any, Literal

CallerScope = Literal["viewer", "operator", "admin", "vendor"]
SCHEME = "callerKey"


def needs(scope: CallerScope, *, largest_body_bytes: int | None = None) -> dict[str, Any]:
    """``openapi_extra`` of a route: the least scope, and a body limit where it is not that of all JSON (1 MiB)."""
    extra: dict[str, Any] = {"security": [{SCHEME: [scope]}]}
    if largest_body_bytes is not None:
        extra["x-largest-body-bytes"] = largest_body_bytes
    return extra
