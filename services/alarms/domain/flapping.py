"""Damping: an alarm that comes and goes is told with a pause, and not at all if it went within the pause. Its state is never delayed."""

from datetime import timedelta

LOOK_BACK = timedelta(minutes=15)
CALM_RAISINGS = 3
"""So many within LOOK_BACK are told at once."""

_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(minutes=10)


def pause_of(raisings: int) -> timedelta:
    """How long the newest of so many raisings within LOOK_BACK is held back: a minute, then twice as long each time, ten at most."""
    if raisings <= CALM_RAISINGS:
        return timedelta()
    doublings = min(raisings - CALM_RAISINGS - 1, 4)
    return min(_FIRST_PAUSE * float(2**doublings), _LONGEST_PAUSE)
