"""Work beside the requests ends when it is told to, even if a cancellation was lost on the way."""

import asyncio

import pytest

from shared.kit.tasks import ended


class Stubborn:
    """Work that loses the first ``losses`` cancellations."""

    def __init__(self, losses: int) -> None:
        self.losses = losses
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if not self.losses:
                    raise
                self.losses -= 1


async def test_work_that_loses_a_cancellation_is_told_again() -> None:
    works = [Stubborn(0), Stubborn(2)]
    await asyncio.sleep(0)
    await ended([work.task for work in works])
    assert all(work.task.cancelled() for work in works)


async def test_who_waits_may_be_told_to_end_too_and_still_waits() -> None:
    work = Stubborn(1)
    await asyncio.sleep(0)
    waiting = asyncio.create_task(ended([work.task]))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert work.task.cancelled()


async def test_how_work_ended_is_nobodys_surprise() -> None:
    async def fail() -> None:
        raise LookupError

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await ended([task])
    assert isinstance(task.exception(), LookupError)
