"""Where a process is in its life: starting, at work, stopping. /readyz says it, and whoever has to end something at once is told."""

from collections.abc import Callable


class CannotStart(Exception):
    """Why a process cannot begin its work, and what to do about it; nothing that passes by waiting."""


class Life:
    """One application's. At work from the beginning, unless whoever starts it says otherwise."""

    def __init__(self) -> None:
        self.starting = False
        self.stopping = False
        self._ends: list[Callable[[], None]] = []

    def when_stopping(self, end: Callable[[], None]) -> None:
        """Have ``end`` called once when the stop begins, before requests under way are waited for."""
        self._ends.append(end)

    def stop(self) -> None:
        """Begin the stop: not ready any more. Requests are answered as before until the server ends."""
        if not self.stopping:
            self.stopping = True
            for end in self._ends:
                end()

    async def check(self) -> str | None:
        """The finding for /readyz."""
        if self.stopping:
            return "is stopping"
        return "is starting" if self.starting else None
