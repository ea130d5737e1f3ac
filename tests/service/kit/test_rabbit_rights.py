"""A service's account on the broker: it tells its own facts, hears its own queues, and arranges nothing."""

import aio_pika
import pytest
from aio_pika.exceptions import ChannelClosed

from shared.contracts.readers import types_read_by
from shared.kit.bus import NotPublished
from shared.kit.rabbit import RabbitBus
from shared.kit.topology import EXCHANGE
from tests.house import eventually
from tests.rabbitmq import RabbitNode
from tests.reader import Reader, envelope_of_type
from tests.service.kit.test_rabbit import bus_at, taken

POOL_CHANGED = "ledger.pool-changed.v1"
INSTALLED = "licensefile.license-file-installed.v1"


_MAKE_ACCOUNT = r"""begin U = <<"%(user)s">>, V = <<"%(vhost)s">>, By = <<"test">>,
rabbit_auth_backend_internal:add_user(U, <<"secret">>, By),
rabbit_auth_backend_internal:set_permissions(U, V, <<"^$">>, <<"^licensing\\.events$">>, <<"^%(service)s(\\.dead|\\.urgent)?$">>, By),
rabbit_auth_backend_internal:set_topic_permissions(U, V, <<"%(exchange)s">>, <<"^%(service)s\\.">>, <<"^$">>, By) end."""
"""What ``rabbitmqctl add_user``, ``set_permissions`` and ``set_topic_permissions`` do, in one go."""


async def _account(rabbit: RabbitNode, vhost: str, service: str) -> str:
    """The address of an account that may what a service may."""
    user = f"{service}-of-{vhost}"
    await rabbit.control("eval", _MAKE_ACCOUNT % {"user": user, "vhost": vhost, "service": service, "exchange": EXCHANGE})
    return rabbit.url_of(vhost, user, "secret")


async def _finding(bus: RabbitBus, word: str) -> None:
    async def found() -> bool:
        return word in (await bus.check() or "")

    await eventually(found, f"the bus says {word}")


async def test_a_service_tells_its_own_facts_and_hears_its_own_queues_and_nothing_else(rabbit: RabbitNode) -> None:
    vhost = await rabbit.vhost()
    async with bus_at(rabbit.url_of(vhost)) as setting_up:
        for kind in (POOL_CHANGED, INSTALLED):
            await setting_up.publish(envelope_of_type(kind, "set up"))
    ledgers, alarms_ = [await _account(rabbit, vhost, service) for service in ("ledger", "alarms")]
    alarms = Reader(types=tuple(types_read_by("alarms")), service="alarms")
    async with bus_at(ledgers, declare=False) as ledger, bus_at(alarms_, alarms, declare=False) as hearing:
        await ledger.publish(envelope_of_type(POOL_CHANGED, "own"))
        await taken(alarms, "set up", "own")
        with pytest.raises(NotPublished, match="ACCESS_REFUSED"):
            await ledger.publish(envelope_of_type(INSTALLED, "forged"))
        with pytest.raises(NotPublished, match="ACCESS_REFUSED"):
            await hearing.publish(envelope_of_type(POOL_CHANGED, "forged"))

        async def again() -> bool:
            try:
                await ledger.publish(envelope_of_type(POOL_CHANGED, "own again"))
            except NotPublished:
                return False
            return True

        await eventually(again, "what it may still works")
        await taken(alarms, "own again")
    assert "forged" not in alarms.subjects
    eavesdropping = Reader(types=tuple(types_read_by("alarms")), service="alarms")
    async with bus_at(ledgers, eavesdropping, declare=False) as ledger:
        await _finding(ledger, "ACCESS_REFUSED")
    assert eavesdropping.taken == []


async def test_a_service_arranges_nothing_and_says_so_when_it_is_told_to_declare(rabbit: RabbitNode) -> None:
    vhost = await rabbit.vhost()
    url = await _account(rabbit, vhost, "ledger")
    reader = Reader(types=tuple(types_read_by("ledger")), service="ledger")
    async with bus_at(url, reader, declare=False) as bus:
        await _finding(bus, "NOT_FOUND")
        async with bus_at(rabbit.url_of(vhost), Reader(types=tuple(types_read_by("ledger")), service="ledger")):
            pass
        async with bus_at(rabbit.url_of(vhost)) as calculator:
            await calculator.publish(envelope_of_type("calculator.catalogue-published.v1", "prices"))
        await taken(reader, "prices")
    async with bus_at(url, reader, declare=True) as bus:
        await _finding(bus, "ACCESS_REFUSED")
    async with await aio_pika.connect(url) as connection:
        for queue in ("ledger", "other"):
            channel = await connection.channel()
            with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
                await channel.queue_delete(queue)
            channel = await connection.channel()
            with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
                await channel.declare_queue(f"{queue}.new")
