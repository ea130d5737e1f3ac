"""Ending work that runs beside the requests: told to end again and again until it has ended.

Once is not enough: a cancellation that meets a completing wait (asyncio before 3.12, and drivers with time-outs of their own)
is lost, and the work would go on for ever in a process that only waits for it.
"""

import asyncio
from collections.abc import Collection
from typing import Any

_TELL_AGAIN_SECONDS = 0.5


async def ended(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel ``tasks`` and wait until all have ended, also when the caller is itself told to end meanwhile."""
    told: asyncio.CancelledError | None = None
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        try:
            await asyncio.wait(pending, timeout=_TELL_AGAIN_SECONDS)
        except asyncio.CancelledError as error:
            told = error
    await asyncio.gather(*tasks, return_exceptions=True)  # nobody else asks how they ended
    if told is not None:
        raise told
