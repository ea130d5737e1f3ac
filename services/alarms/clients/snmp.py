"""An SNMP manager told, by trap: a datagram that nobody confirms."""

import asyncio
from datetime import UTC, datetime

from services.alarms.clients.attempt import DEFAULT_TIMEOUT_SECONDS, attempt
from services.alarms.clients.datagram import send_datagram
from services.alarms.clients.names import Names
from services.alarms.clients.snmp_messages import bindings, v2c_message, v3_message
from services.alarms.domain.message import Message
from services.alarms.domain.targets import SnmpTarget


class SnmpSender:
    """``started_at``: since when this process is up, for sysUpTime."""

    def __init__(self, target: SnmpTarget, names: Names, started_at: datetime, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        self._target = target
        self._names = names
        self._started_at = started_at
        self._timeout = timeout_seconds

    async def send(self, message: Message) -> str:
        """What is known of its arrival. Raises DeliveryFailed."""
        async with attempt(self._timeout, f"looking up {self._target.host}") as now:
            addresses = await self._names.addresses(self._target.host)
            # Making keys of pass phrases takes hundredths of a second of computing.
            trap = await asyncio.to_thread(self._trap, message)
            said = await send_datagram(trap, addresses, self._target.port, now)
        return f"trap {self._target.version} {said}"

    def _trap(self, message: Message) -> bytes:
        now = datetime.now(UTC)
        said = bindings(message, self._started_at, now)
        if self._target.version == "v3":
            return v3_message(self._target, said, now)
        assert self._target.community is not None
        return v2c_message(self._target.community, said)
