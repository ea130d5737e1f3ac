"""Listings by keyset: a cursor is the key of the last item shown, so that a page costs the same however far one has read."""

import base64
import json
from typing import Annotated, Any

from fastapi import Depends, Query

from shared.kit.problems import InvalidCursor

DEFAULT_LIMIT = 100
LARGEST_LIMIT = 200


class PageRequest:
    """How many items, and after which key."""

    def __init__(self, limit: int, cursor: str | None) -> None:
        self.limit = limit
        self._cursor = cursor

    def after(self, *kinds: type[Any]) -> tuple[Any, ...] | None:
        """The key after which to go on, one value of each of ``kinds`` (str, int); None at the beginning. Raises InvalidCursor."""
        if self._cursor is None:
            return None
        try:
            padded = self._cursor + "=" * (-len(self._cursor) % 4)
            key = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        except (ValueError, RecursionError) as error:
            raise InvalidCursor from error
        if not isinstance(key, list) or [type(part) for part in key] != list(kinds):
            raise InvalidCursor
        if not all(_storable(part) for part in key):
            raise InvalidCursor
        return tuple(key)

    def next_cursor(self, rows: int, *key: str | int) -> str | None:
        """The cursor behind a page of ``rows`` items that ends at ``key``; None when the page was not full."""
        if rows < self.limit:
            return None
        return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _storable(part: Any) -> bool:
    """Does the database have such a value? It knows no number beyond 64 bits, no NUL and no half of a surrogate pair."""
    if isinstance(part, int):
        return abs(part) < 2**63
    return "\x00" not in part and not any("\ud800" <= character <= "\udfff" for character in part)


async def _page_request(
    limit: Annotated[int, Query(ge=1, le=LARGEST_LIMIT, description="Items on a page.")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before.")] = None,
) -> PageRequest:
    return PageRequest(limit, cursor)


PageDep = Annotated[PageRequest, Depends(_page_request)]
