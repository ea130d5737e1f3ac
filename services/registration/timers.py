"""What the desk does by the clock: license files that are due are handed to the mail server, a few at once, in every process.

Must not be broken: no transaction is open while the mail server is talked to, so one that hangs holds up nobody but its own mails.
"""

import asyncio
from datetime import timedelta

from services.registration.actions.deliver import settle, take_due
from services.registration.clients.mail_server import MailServer
from services.registration.domain.delivery import Outcome, Verdict
from services.registration.domain.mail import Letter, UnusableAddress, compose
from shared.kit.app import Kit
from shared.kit.logs import log_of
from shared.kit.tasks import ended
from shared.kit.trace import begin_trace, tracing

_log = log_of("deliveries")
_AT_ONCE = 4
_LOOK_SECONDS = 1.0
_SETTLING_SECONDS = 60.0
"""How long beyond the handing over a delivery stays ours: time to write down what became of it."""


class Deliveries:
    """The deliveries of one process; of several processes each takes what the others have not."""

    def __init__(self, kit: Kit, server: MailServer) -> None:
        self._kit = kit
        self._server = server
        self._lease = timedelta(seconds=server.seconds + _SETTLING_SECONDS)
        self._under_way: set[asyncio.Task[None]] = set()
        meaning = "Attempts to send a license file by e-mail: sent, failed (to be tried again), given_up."
        self._attempts = kit.metrics.counter("license_file_deliveries_total", meaning, ["outcome"])
        for outcome in ("sent", "failed", "given_up"):
            self._attempts.labels(outcome)

    async def run(self) -> None:
        """Until cancelled; a store that is away is waited for."""
        try:
            while True:
                try:
                    await self._begin()
                except Exception as error:
                    await self._kit.faults.report(error, "deliveries")
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            await ended(list(self._under_way))

    async def _begin(self) -> None:
        """Begin with what is due, as far as there is room."""
        room = _AT_ONCE - len(self._under_way)
        if room == 0:
            return
        with tracing(begin_trace(None, "registration timer", "timer")):
            async with self._kit.database.transaction() as tx:
                letters = await take_due(tx, room, self._lease)
        for letter in letters:
            task = asyncio.create_task(self._deliver(letter), name=f"delivery {letter.delivery.delivery_id}")
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _deliver(self, letter: Letter) -> None:
        with tracing(begin_trace(None, "registration timer", "timer")):
            try:
                verdict = await self._server.hand_over(compose(letter, self._server.sender))
            except UnusableAddress as error:
                verdict = Verdict("refused", str(error))
            outcome = await self._settled(letter, verdict)
        if outcome is None:
            return
        self._attempts.labels(outcome.state).inc()
        # Without address and answer, in which the server may have repeated it: both stand in the listing of deliveries.
        said = {
            "license_file_id": letter.file.license_file_id,
            "delivery_id": letter.delivery.delivery_id,
            "attempts": letter.delivery.attempts,
        }
        (_log.info if outcome.state == "sent" else _log.warning)(f"license-file-{outcome.state.replace('_', '-')}", **said)

    async def _settled(self, letter: Letter, verdict: Verdict) -> Outcome | None:
        """Written down, tried again while the delivery is ours: what is not written down is sent a second time."""
        deadline = self._kit.clock.running() + _SETTLING_SECONDS
        while True:
            try:
                async with self._kit.database.transaction() as tx:
                    return await settle(tx, letter, verdict)
            except Exception as error:
                await self._kit.faults.report(error, "deliveries")
                if self._kit.clock.running() > deadline:
                    return None
            await asyncio.sleep(_LOOK_SECONDS)
