"""A real broker with the product's own configuration and definitions: each service tells facts of its own and no others, reads its
own queues, and can set nothing up. The topology that services expect is there already."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import aio_pika
import httpx
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPError
from aiormq.exceptions import ChannelAccessRefused

from deploy.rabbitmq.definitions import definitions, vhost_of, write_definitions
from shared.contracts.base import Envelope, Event
from shared.contracts.events.ledger import ClusterChanged
from shared.contracts.readers import READERS, types_read_by
from shared.kit.bus import NotPublished, Subscription
from shared.kit.clock import SystemClock
from shared.kit.metrics import Metrics
from shared.kit.rabbit import RabbitBus
from shared.kit.topology import EXCHANGE, whole_topology
from tests.house import ROOT, eventually
from tests.rabbitmq import RabbitNode, free_port

CUSTOMER = ("ledger", "licensefile", "calculator", "alarms")
SERVICES = (*CUSTOMER, "registration")
PASSWORDS = {service: f"the {service}'s: ü@" for service in SERVICES}
QUEUES = [queue.name for queue in whole_topology().queues]
MINTING = "licensefile.license-file-installed.v1"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
Deed = Callable[[AbstractChannel], Awaitable[object]]


class ProductionNode(RabbitNode):
    """With the files that are deployed; only the places and ports are this test's."""

    metrics_port: int

    def _prepare(self) -> None:
        super()._prepare()
        self.metrics_port = free_port()
        target = self.folder / "definitions.json"
        write_definitions(target, PASSWORDS, mode=0o644)
        deployed = (ROOT / "deploy/rabbitmq/rabbitmq.conf").read_text("utf-8")
        changed = deployed.replace("/etc/rabbitmq/definitions.json", str(target)).replace("15692", str(self.metrics_port))
        assert changed.count(str(target)) == changed.count(str(self.metrics_port)) == 1
        (self.folder / "rabbitmq.conf").write_text(f"{changed}prometheus.tcp.ip = 127.0.0.1\n", "utf-8")
        shutil.copyfile(ROOT / "deploy/rabbitmq/enabled_plugins", self.folder / "enabled_plugins")


@pytest.fixture(scope="module")
async def broker() -> AsyncIterator[ProductionNode]:
    node = await ProductionNode.make()
    assert isinstance(node, ProductionNode)
    yield node
    await node.remove()


@asynccontextmanager
async def channel_of(broker: RabbitNode, service: str) -> AsyncIterator[AbstractChannel]:
    """What somebody can do who has the service's password."""
    url = broker.url_of(vhost_of(service), service, PASSWORDS[service])
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        yield channel


async def is_refused(broker: RabbitNode, service: str, deed: Deed) -> bool:
    async with channel_of(broker, service) as channel:
        try:
            await deed(channel)
        except ChannelAccessRefused:
            return True
    return False


def publishing(event_type: str) -> Deed:
    async def publish(channel: AbstractChannel) -> None:
        exchange = await channel.get_exchange(EXCHANGE, ensure=False)
        await exchange.publish(aio_pika.Message(b"{}"), event_type, mandatory=False)

    return publish


def reading(queue: str) -> Deed:
    async def read(channel: AbstractChannel) -> None:
        await (await channel.get_queue(queue, ensure=False)).get(fail=False, no_ack=True)

    return read


def all_types(kind: type[Event] = Event) -> set[str]:
    return {event_type for heir in kind.__subclasses__() for event_type in {*all_types(heir), *_named(heir)}}


def _named(kind: type[Event]) -> set[str]:
    owned = kind.__dict__.get("type")
    return {owned} if isinstance(owned, str) and owned.partition(".")[0] in SERVICES else set()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_tells_its_own_facts_and_no_others(broker: ProductionNode, service: str) -> None:
    types = all_types()
    assert set(READERS) <= types
    mine = {event_type for event_type in types if event_type.startswith(f"{service}.")}
    for event_type in types - mine:
        assert await is_refused(broker, service, publishing(event_type)), f"{service} told {event_type}"
    async with channel_of(broker, service) as channel:
        for event_type in mine:
            await publishing(event_type)(channel)


async def test_who_has_the_ledgers_password_cannot_mint_units(broker: ProductionNode) -> None:
    assert await is_refused(broker, "ledger", publishing(MINTING))
    for elsewhere in ("ledger", "licensefile", "ledger.dead"):  # past the exchange, straight into a queue

        async def put(channel: AbstractChannel, queue: str = elsewhere) -> None:
            await channel.default_exchange.publish(aio_pika.Message(b"{}"), queue)

        assert await is_refused(broker, "ledger", put)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_reads_its_own_queues_and_no_others(broker: ProductionNode, service: str) -> None:
    own = [queue for queue in QUEUES if queue.partition(".")[0] == service]
    assert len(own) >= 2 or service in ("calculator", "registration")
    for queue in QUEUES:
        if queue not in own:
            assert await is_refused(broker, service, reading(queue)), f"{service} read {queue}"
    async with channel_of(broker, service) as channel:
        for queue in own:
            await reading(queue)(channel)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_sets_nothing_up_and_takes_nothing_down(broker: ProductionNode, service: str) -> None:
    own = service if service in QUEUES else "ledger"
    deeds: dict[str, Deed] = {
        "an exchange": lambda channel: channel.declare_exchange("mine", durable=True),
        "a queue": lambda channel: channel.declare_queue("mine", durable=True),
        "a queue for itself": lambda channel: channel.declare_queue(exclusive=True),
        "a queue by another's name": lambda channel: channel.declare_queue(f"{service}.dead.too", durable=True),
        "its queue anew": lambda channel: channel.declare_queue(own, durable=True),
        "its queue away": lambda channel: channel.queue_delete(own),
        "the exchange away": lambda channel: channel.exchange_delete(EXCHANGE),
    }

    async def bind(channel: AbstractChannel) -> None:
        await (await channel.get_queue(own, ensure=False)).bind(EXCHANGE, "#")

    for what, deed in {**deeds, "a binding": bind}.items():
        assert await is_refused(broker, service, deed), f"{service} could declare {what}"


async def test_each_side_stays_on_its_own_ground(broker: ProductionNode) -> None:
    for service in SERVICES:
        for vhost in {"licensing", "vendor", "/"} - {vhost_of(service)}:
            with pytest.raises((AMQPError, ConnectionError)):
                await aio_pika.connect(broker.url_of(vhost, service, PASSWORDS[service]))


async def test_nobody_else_may_enter(broker: ProductionNode) -> None:
    users = {line.split("\t")[0] for line in (await broker.control("list_users")).splitlines()[1:]}
    assert users == set(SERVICES)
    for user, password in (("guest", "guest"), ("ledger", "wrong"), ("ledger", "")):
        with pytest.raises((AMQPError, ConnectionError)):
            await aio_pika.connect(broker.url_of("licensing", user, password))


async def test_facts_reach_every_reader_and_each_queue_is_measured(broker: ProductionNode) -> None:
    async with channel_of(broker, "licensefile") as channel:
        exchange = await channel.get_exchange(EXCHANGE, ensure=False)
        await exchange.publish(aio_pika.Message(b'{"minted": 1}'), MINTING, mandatory=True)
    for reader in READERS[MINTING]:
        async with channel_of(broker, reader) as channel:
            queue = await channel.get_queue(reader)  # passively: it is there
            found = [await queue.get(no_ack=True, timeout=5)]
            while (more := await queue.get(fail=False, no_ack=True)) is not None:
                found.append(more)
            assert b'{"minted": 1}' in [message.body for message in found]
    async with httpx.AsyncClient() as client:

        async def measured() -> bool:
            page = (await client.get(f"http://127.0.0.1:{broker.metrics_port}/metrics")).raise_for_status().text
            return all(f'rabbitmq_queue_messages_ready{{vhost="licensing",queue="{queue}"}}' in page for queue in QUEUES)

        await eventually(measured, "every queue is measured by its name")


@asynccontextmanager
async def bus_of(broker: RabbitNode, service: str) -> AsyncIterator[RabbitBus]:
    """As ``serve`` makes it where the broker has its definitions."""
    bus = RabbitBus(broker.url_of(vhost_of(service), service, PASSWORDS[service]), Metrics(), declare=False)
    await bus.start()
    try:
        yield bus
    finally:
        await bus.close()


def remembering(service: str, heard: list[tuple[str, str]]) -> Subscription:
    async def deliver(envelope: Envelope) -> None:
        heard.append((service, envelope.type))

    async def bury(_envelope: Envelope, error: str) -> None:
        raise AssertionError(error)

    return Subscription(service, types_read_by(service), deliver, bury, 3)


async def test_the_bus_of_each_service_works_on_what_stands_there(broker: ProductionNode) -> None:
    heard: list[tuple[str, str]] = []
    readers = sorted(set().union(*READERS.values()))
    async with AsyncExitStack() as stack:
        buses = {service: await stack.enter_async_context(bus_of(broker, service)) for service in CUSTOMER}
        for service in readers:
            await buses[service].subscribe(remembering(service, heard))
        for service in CUSTOMER:
            assert await buses[service].check() is None
        for event_type in READERS:
            await buses[event_type.partition(".")[0]].publish(envelope(event_type))
        wanted = {(reader, event_type) for event_type, its_readers in READERS.items() for reader in its_readers}

        async def all_heard() -> bool:
            return wanted <= set(heard)

        await eventually(all_heard, "every reader hears every type that it reads")


async def test_a_bus_that_tells_anothers_fact_is_refused_and_goes_on(broker: ProductionNode) -> None:
    async with bus_of(broker, "ledger") as bus:
        with pytest.raises(NotPublished):
            await bus.publish(envelope(MINTING))

        async def told() -> bool:  # the broker hung up on it
            try:
                await bus.publish(envelope(ClusterChanged.type))
            except NotPublished:
                return False
            return True

        await eventually(told, "its own fact is taken again")


async def test_a_copy_for_anothers_readers_mints_nothing(broker: ProductionNode) -> None:
    """The broker asks for the right to tell the first key of a message only, and routes by those of its header CC too."""
    heard: list[tuple[str, str]] = []
    copied = aio_pika.Message(envelope(MINTING).model_dump_json().encode(), headers={"CC": [MINTING]})
    async with bus_of(broker, "ledger") as bus, channel_of(broker, "ledger") as channel:
        dead = await channel.get_queue("ledger.dead", ensure=False)
        before = (await channel.declare_queue("ledger.dead", passive=True)).declaration_result.message_count
        await bus.subscribe(remembering("ledger", heard))
        exchange = await channel.get_exchange(EXCHANGE, ensure=False)
        await exchange.publish(copied, ClusterChanged.type)

        async def put_aside() -> bool:
            now = (await channel.declare_queue("ledger.dead", passive=True)).declaration_result.message_count
            return bool((now or 0) > (before or 0))

        await eventually(put_aside, "the copy arrives, and is put aside")
        await dead.purge()
    assert ("ledger", MINTING) not in heard


def envelope(event_type: str) -> Envelope:
    service = event_type.partition(".")[0]
    source, at = f"/{service}", SystemClock().now()
    return Envelope(id=uuid4(), source=source, type=event_type, subject="s", time=at, traceparent=TRACE, data={})


async def test_the_file_holds_no_password_and_is_ours_alone(tmp_path: Path) -> None:
    target = tmp_path / "definitions.json"
    write_definitions(target, PASSWORDS)
    assert target.stat().st_mode & 0o777 == 0o600
    assert not [password for password in PASSWORDS.values() if password in target.read_text("utf-8")]
    salted = [{user["password_hash"] for user in definitions({**PASSWORDS, "alarms": PASSWORDS["ledger"]})["users"]} for _ in range(2)]
    assert len(salted[0] | salted[1]) == 2 * len(SERVICES)


def test_a_side_without_one_of_its_readers_or_with_an_open_door_is_refused() -> None:
    with pytest.raises(ValueError, match="no password for alarms"):
        definitions({service: "x" for service in CUSTOMER if service != "alarms"})
    with pytest.raises(ValueError, match="the password of ledger is empty"):
        definitions({**PASSWORDS, "ledger": ""})
    vendor = definitions({"registration": "x"})
    assert [vhost["name"] for vhost in vendor["vhosts"]] == ["vendor"]
    assert vendor["queues"] == vendor["bindings"] == []
