"""Group commit by key: what waits is done together, in turn, within bounds; one that fails or gives up is nobody else's trouble."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from shared.kit.batches import Asked, Batches, Bounds, Busy
from shared.kit.trace import begin_trace, current_trace, tracing


class Desk:
    """Work that stands still until it is let go, and notes what it was given."""

    def __init__(self, **bounds: int) -> None:
        self.batches: Batches[str, str] = Batches(self.work, Bounds(**{"keys_at_work": 2, **bounds}))
        self.done: list[tuple[str, list[str]]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.failing: dict[str, Exception] = {}

    async def work(self, key: str, batch: Sequence[Asked[str, str]]) -> Sequence[str | Exception]:
        commands = [asked.command for asked in batch]
        self.done.append((key, commands))
        await self.open.wait()
        for command in commands:
            if command in self.failing:
                raise self.failing[command]
        return [ValueError(command) if command.startswith("refuse") else f"{key}:{command}" for command in commands]

    async def ask_all(self, key: str, *commands: str) -> "list[asyncio.Task[str]]":
        tasks = [asyncio.create_task(self.batches.ask(key, command)) for command in commands]
        await self.turn()
        return tasks

    async def turn(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


async def test_what_queues_while_a_batch_is_done_is_the_next_batch() -> None:
    desk = Desk()
    desk.open.clear()
    first = await desk.ask_all("a", "1")
    rest = await desk.ask_all("a", "2", "3", "refuse 4")
    desk.open.set()
    answers = await asyncio.gather(*first, *rest, return_exceptions=True)
    assert answers[:3] == ["a:1", "a:2", "a:3"]
    assert isinstance(answers[3], ValueError)
    assert desk.done == [("a", ["1"]), ("a", ["2", "3", "refuse 4"])]


async def test_keys_have_their_turns_and_no_more_of_them_are_at_work_than_may_be() -> None:
    desk = Desk(in_batch=2)
    desk.open.clear()
    tasks = [*await desk.ask_all("a", "1", "2", "3", "4", "5"), *await desk.ask_all("b", "1"), *await desk.ask_all("c", "1")]
    assert desk.done == [("a", ["1", "2"]), ("b", ["1"])]
    desk.open.set()
    await asyncio.gather(*tasks)
    keys = [key for key, _ in desk.done]
    assert keys.index("c") < 4  # before the busy one has done all it has
    assert [command for key, commands in desk.done if key == "a" for command in commands] == ["1", "2", "3", "4", "5"]


async def test_more_than_may_wait_is_refused_and_what_waits_is_kept() -> None:
    desk = Desk(waiting_of_key=2, waiting=3)
    desk.open.clear()
    tasks = [*await desk.ask_all("a", "at work"), *await desk.ask_all("a", "1", "2")]
    with pytest.raises(Busy):
        await desk.batches.ask("a", "3")
    tasks += [*await desk.ask_all("b", "at work"), *await desk.ask_all("b", "1")]
    with pytest.raises(Busy):
        await desk.batches.ask("b", "2", weight=5)
    desk.open.set()
    assert await asyncio.gather(*tasks) == ["a:at work", "a:1", "a:2", "b:at work", "b:1"]
    assert await desk.batches.ask("a", "again") == "a:again"


async def test_one_that_gives_up_before_its_batch_is_left_out_and_makes_room() -> None:
    desk = Desk(waiting_of_key=2)
    desk.open.clear()
    (first,) = await desk.ask_all("a", "1")
    gone, stays = await desk.ask_all("a", "2", "3")
    gone.cancel()
    await desk.turn()
    (late,) = await desk.ask_all("a", "4")
    desk.open.set()
    assert [await task for task in (first, stays, late)] == ["a:1", "a:3", "a:4"]
    assert desk.done == [("a", ["1"]), ("a", ["3", "4"])]


async def test_one_that_gives_up_later_disturbs_nobody() -> None:
    desk = Desk()
    desk.open.clear()
    gone, stays = await desk.ask_all("a", "1", "2")
    assert desk.done == [("a", ["1", "2"])]
    gone.cancel()
    await desk.turn()
    desk.open.set()
    assert await stays == "a:2"
    assert gone.cancelled()


async def test_a_command_that_breaks_its_batch_fails_alone() -> None:
    desk = Desk()
    desk.failing["bad"] = LookupError("bad")
    answers = await asyncio.gather(*await desk.ask_all("a", "1", "bad", "2"), return_exceptions=True)
    assert answers == ["a:1", desk.failing["bad"], "a:2"]
    assert desk.done == [("a", ["1", "bad", "2"]), ("a", ["1"]), ("a", ["bad"]), ("a", ["2"])]


@pytest.mark.parametrize("failure", [asyncpg.PostgresConnectionError("away"), asyncpg.DeadlockDetectedError("a circle")])
async def test_what_is_no_fault_of_a_command_meets_them_all_once(failure: Exception) -> None:
    desk = Desk()
    desk.failing["2"] = failure
    answers = await asyncio.gather(*await desk.ask_all("a", "1", "2", "3"), return_exceptions=True)
    assert answers == [failure] * 3
    assert len(desk.done) == 1
    assert await desk.batches.ask("a", "4") == "a:4"


async def test_a_command_carries_its_callers_trace_and_the_batch_belongs_to_nobody() -> None:
    seen: list[str] = []

    async def work(_key: str, batch: Sequence[Asked[str, str]]) -> Sequence[str]:
        seen.append(current_trace().caller)
        return [asked.trace.caller for asked in batch]

    batches: Batches[str, str] = Batches(work, Bounds())

    async def ask(caller: str) -> str:
        with tracing(begin_trace(None, caller)):
            return await batches.ask("a", "x")

    callers = ["ada", "bob"]
    assert await asyncio.gather(*map(ask, callers)) == callers
    assert seen == ["system"]


async def test_a_stop_finishes_what_waits_and_lets_nobody_in() -> None:
    desk = Desk(in_batch=1)
    desk.open.clear()
    tasks = await desk.ask_all("a", "1", "2", "3")
    closing = asyncio.create_task(desk.batches.close())
    await desk.turn()
    with pytest.raises(Busy):
        await desk.batches.ask("b", "late")
    desk.open.set()
    await closing
    assert [task.result() for task in tasks] == ["a:1", "a:2", "a:3"]
