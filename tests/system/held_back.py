"""The whole product in one process, with a bus that can be told to hold events back: ``python -m tests.system.held_back FILE``.

FILE lists event types, one a line: ``before TYPE`` is not handed over, ``after TYPE`` is handed over and its sender not told; both for
as long as the line stands. So a test decides at which moment of an event's way the process dies or a sign of life stays away.
Everything else is the product as a user starts it.
"""

import asyncio
import sys
from pathlib import Path
from typing import Literal

from gateway.embedded import main
from shared.contracts.base import Envelope
from shared.kit.memory_bus import MemoryBus

Moment = Literal["before", "after"]
LOOK_AGAIN_SECONDS = 0.02


def hold(told: Path, moment: Moment, *event_types: str) -> None:
    """From now on these events, and no others, get no further than ``moment``."""
    told.write_text("".join(f"{moment} {event_type}\n" for event_type in event_types))


def hold_back(told: Path) -> None:
    """Change the bus of this process."""
    hand_over = MemoryBus.publish

    def listed(line: str) -> bool:
        return line in told.read_text().splitlines()

    async def held(moment: Moment, event_type: str) -> None:
        while listed(f"{moment} {event_type}"):
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def publish(self: MemoryBus, envelope: Envelope) -> None:
        await held("before", envelope.type)
        await hand_over(self, envelope)
        await held("after", envelope.type)

    MemoryBus.publish = publish  # type: ignore[method-assign]


if __name__ == "__main__":
    hold_back(Path(sys.argv[1]))
    sys.exit(main())
