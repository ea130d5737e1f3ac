"""The time. Services ask a Clock, never the system, so that a test can move it."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Says what time it is, in UTC, and how long it has been ``running``: seconds that nobody who sets the time disturbs."""

    def now(self) -> datetime: ...

    def running(self) -> float: ...


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def running(self) -> float:
        return time.monotonic()


class TestClock:
    """The machine's time plus what a test added to it: time that passes (``advance``), or a time that somebody sets (``put``).

    After ``stand`` only the test moves it.
    """

    __test__ = False  # not a test class, whatever its name suggests to a collector

    def __init__(self) -> None:
        self._passed = timedelta()
        self._put = timedelta()
        self._stood: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        return (self._stood[0] if self._stood else datetime.now(UTC)) + self._passed + self._put

    def running(self) -> float:
        return (self._stood[1] if self._stood else time.monotonic()) + self._passed.total_seconds()

    def stand(self) -> None:
        """From here no time passes by itself, however slow the machine is."""
        self._stood = (datetime.now(UTC), time.monotonic())

    def advance(self, by: timedelta) -> None:
        self._passed += by

    def put(self, by: timedelta) -> None:
        """Set the time forward or back, as a person or a time server does."""
        self._put += by
