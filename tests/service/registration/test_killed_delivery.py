"""A desk killed by SIGKILL while it talks to the mail server: the mail is sent again once its lease is over, and it is the same mail."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import ROOT, RememberingBus, eventually, running
from tests.service.registration.desk import desk_app
from tests.service.registration.mail_room import mail_room

LEASE = timedelta(seconds=180)


@pytest.mark.parametrize(("moment", "before_the_kill"), [("RCPT", 0), ("DATA", 1)])
async def test_a_desk_killed_in_the_middle_sends_the_same_mail_after_the_lease(
    database_url: str,
    tmp_path: Path,
    bus: RememberingBus,
    clock: TestClock,
    metrics: Metrics,
    moment: Literal["RCPT", "DATA"],
    before_the_kill: int,
) -> None:
    async with mail_room() as room:
        room.hangs_at = moment
        command = [sys.executable, "-m", "tests.service.registration.dying_desk", database_url, str(tmp_path), str(room.port)]
        desk = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        try:
            assert desk.stdout is not None
            assert await desk.stdout.readline() == b"registered\n"
            await room.was_tried(1)
            await room.got(before_the_kill)
        finally:
            desk.kill()
            await desk.communicate()
        assert len(room.mails) == before_the_kill
        room.hangs_at = None
        async with running(desk_app(database_url, tmp_path, bus, clock, metrics, **room.settings)) as client:
            (left,) = (await client.get("/v1/deliveries")).json()["items"]
            assert (left["state"], left["attempts"]) == ("sending", 1)
            clock.advance(LEASE)

            async def sent() -> bool:
                (one,) = (await client.get("/v1/deliveries")).json()["items"]
                return (one["state"], one["attempts"]) == ("sent", 2)

            await eventually(sent, "it is sent at the second attempt")
            content = await client.get(f"/v1/registrations/{left['license_file_id']}/license-file")
    assert len(room.mails) == before_the_kill + 1
    assert len(set(room.mails)) == 1
    assert room.attached() == (f"{left['license_file_id']}.lic", content.content)
