"""Knows callers by their keys: asks the store, and remembers the answer for a few seconds.

Must not be broken: a caller deleted in this process is unknown at once, whatever look-up is on its way; and while the store
is away those who were known go on, because phones must register through an outage.
"""

import asyncio
from dataclasses import dataclass

from gateway import store
from gateway.domain.caller import Caller
from gateway.domain.key import digest_of, looks_like_key
from shared.kit.database import Database
from shared.kit.logs import log_of

_log = log_of("keys")
_MOST_REMEMBERED = 1024
_LOOK_UP_SECONDS = 3.0


class KeysUnavailable(Exception):
    """The store of keys does not answer, and this key was not seen lately."""


@dataclass(slots=True)
class _Remembered:
    caller: Caller
    believed_until: float


class KeyRing:
    """The callers that used their keys lately, and the way to all others."""

    def __init__(self, database: Database, seconds: float) -> None:
        self._database = database
        self._seconds = seconds
        self._remembered: dict[bytes, _Remembered] = {}
        self._deletions = 0

    async def caller_of(self, key: str) -> Caller | None:
        """The caller with this key; None where nobody has it. Raises KeysUnavailable."""
        if not looks_like_key(key):
            return None
        digest = digest_of(key)
        now = asyncio.get_running_loop().time()
        known = self._remembered.get(digest)
        if known is not None:
            if now < known.believed_until:
                return known.caller
            # Whoever comes meanwhile believes it a little longer: one look-up at a time for each key.
            known.believed_until = now + self._seconds
        return await self._ask(digest, known)

    async def _ask(self, digest: bytes, known: _Remembered | None) -> Caller | None:
        deletions = self._deletions
        try:
            async with asyncio.timeout(_LOOK_UP_SECONDS), self._database.transaction() as transaction:
                found = await store.caller_with(transaction, digest)
        except Exception as error:
            _log.warning("keys-unavailable", error=repr(error), known=known is not None)
            if known is None:
                raise KeysUnavailable from error
            return self._remembered[digest].caller if digest in self._remembered else None
        self._remembered.pop(digest, None)
        # A deletion that was committed after our look-up must not be undone by what the look-up saw.
        if found is not None and deletions == self._deletions:
            self._remember(digest, found)
        return found

    def _remember(self, digest: bytes, caller: Caller) -> None:
        while len(self._remembered) >= _MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = _Remembered(caller, asyncio.get_running_loop().time() + self._seconds)

    def forget(self, name: str) -> None:
        """Call after the commit that deleted this caller or changed its key."""
        self._deletions += 1
        for digest in [digest for digest, known in self._remembered.items() if known.caller.name == name]:
            del self._remembered[digest]
