"""The bus of several processes: RabbitMQ carries the facts.

What a service publishes is confirmed by the broker; what it hears is acknowledged after its commit. A broker that is away stops nothing
but this: facts wait in the outboxes, and nobody is refused anything for it.
"""

from prometheus_client import Gauge
from yarl import URL

from shared.contracts.base import Envelope
from shared.kit.bus import BusClosed, NotPublished, Subscription
from shared.kit.metrics import Metrics, Refresh
from shared.kit.rabbit.publisher import Publisher
from shared.kit.rabbit.receiver import Receiver


class RabbitBus:
    """``url``: ``amqp[s]://<user>:<password>@<host>[:<port>]/<vhost>``; the user's name is the process's in metrics and on the broker.

    ``declare=False``: exchange and queues stand already, and the user may not configure; that they stand is looked up.
    """

    def __init__(self, url: str, metrics: Metrics, *, declare: bool = True) -> None:
        name = URL(url).user or "guest"
        self._publisher = Publisher(url, name, declaring=declare)
        self._receiver = Receiver(url, name, metrics, declaring=declare)
        self._closed = False
        self._metrics = metrics
        connected = metrics.gauge("license_bus_connected", "1 when the broker can be reached for sending and receiving.", ["service"])
        metrics.before_scrape(name, self._showing_connection(connected, name))

    async def start(self) -> None:
        """Begin to connect, and go on trying; a broker that is away does not fail the start."""
        await self._publisher.start()
        await self._receiver.start()

    async def subscribe(self, subscription: Subscription) -> None:
        """Returns when the events are taken, or after a second where the broker is away; then they are as soon as it is back."""
        letters = self._metrics.gauge("license_dead_letters", "Messages in the broker's queue of dead letters.", ["service"])
        self._metrics.before_scrape(subscription.service, self._counting_dead_letters(letters, subscription.service))
        await self._receiver.add(subscription)

    async def publish(self, envelope: Envelope) -> None:
        """Returns when the broker has it for good. Raises NotPublished, after a second where the broker is away; BusClosed."""
        if self._closed:
            raise BusClosed
        try:
            await self._publisher.publish(envelope)
        except NotPublished:
            if self._closed:
                raise BusClosed from None
            raise

    async def check(self) -> str | None:
        """None, or why the broker cannot be reached."""
        for session in (self._publisher, self._receiver):
            if not session.up.is_set():
                return f"the broker is away: {session.trouble}"
        return None

    async def close(self) -> None:
        """Let deliveries end that are under way, acknowledge them, and hang up; who publishes gets BusClosed."""
        self._closed = True
        await self._receiver.close()
        await self._publisher.close()

    def _showing_connection(self, connected: Gauge, name: str) -> Refresh:
        async def show() -> None:
            connected.labels(name).set(0 if await self.check() else 1)

        return show

    def _counting_dead_letters(self, letters: Gauge, service: str) -> Refresh:
        async def count() -> None:
            letters.labels(service).set(await self._receiver.dead_letters(service))

        return count
