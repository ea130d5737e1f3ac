"""A desk as a process of its own that registers one license file and then waits to be killed: arguments are database, keys, mail port."""

import asyncio
import sys
from pathlib import Path

from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, running
from tests.service.registration.desk import CALLER, Desk, desk_app
from tests.service.registration.mail_room import MailRoom


async def main(database_url: str, keys: Path, mail_port: int) -> None:
    room = MailRoom(port=mail_port)
    async with running(desk_app(database_url, keys, RememberingBus(), TestClock(), Metrics(), **room.settings)) as client:
        client.headers.update(CALLER)
        desk = Desk(client, keys)
        assert (await desk.register(await desk.pak())).status_code == 201
        print("registered", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
