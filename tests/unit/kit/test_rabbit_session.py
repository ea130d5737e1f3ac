"""The client cancels what is under way on a connection that is closed: a loss, which nobody may take for the order to end."""

import asyncio

import pytest

from shared.kit.rabbit.session import noticed_as_loss


async def test_what_the_client_cancels_is_a_loss() -> None:
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    answer.cancel()
    with pytest.raises(ConnectionError, match="closed meanwhile"), noticed_as_loss():
        await answer


async def test_who_is_told_to_end_ends() -> None:
    async def wait() -> None:
        with noticed_as_loss():
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_time_that_is_up_is_that_and_no_loss() -> None:
    async def wait() -> None:
        async with asyncio.timeout(0):
            with noticed_as_loss():
                await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await wait()
