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
            str(key).encode()  # half a surrogate pair is no text that the database takes
        except (ValueError, RecursionError) as error:
            raise InvalidCursor from error
        if not isinstance(key, list) or [type(part) for part in key] != list(kinds):
            raise InvalidCursor
        if any(isinstance(part, int) and abs(part) >= 2**63 for part in key) or any("\x00" in str(part) for part in key):
            raise InvalidCursor  # the database has no such values
        return tuple(key)

    def next_cursor(self, rows: int, *key: str | int) -> str | None:
        """The cursor behind a page of ``rows`` items that ends at ``key``; None when the page was not full."""
        if rows < self.limit:
            return None
        return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _page_request(
    limit: Annotated[int, Query(ge=1, le=LARGEST_LIMIT, description="Items on a page.")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before.")] = None,
) -> PageRequest:
    return PageRequest(limit, cursor)


PageDep = Annotated[PageRequest, Depends(_page_request)]
