"""Debian's snmptrapd told by trap, v2c and v3, and what it does not believe."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from services.alarms.clients.names import Names
from services.alarms.clients.snmp import SnmpSender
from services.alarms.domain.receipt import DeliveryFailed
from services.alarms.domain.targets import SnmpTarget, parse_target
from tests.receivers.messages import all_seven, raised
from tests.receivers.snmptrapd import COMMUNITY, SnmpTrapd, User, snmptrapd
from tests.service.alarms.channels.conftest import NAME, Opened

ENGINE = "80007ed905" + "00" * 12 + "2a"
"""With as many zeros within as the place of a digest has."""

USERS = (
    User("by-sha", ENGINE, "SHA", "authenticate me", "encrypt me too"),
    User("by-sha256", ENGINE, "SHA-256", "authenticate me 256", "encrypt me too 256"),
)
CHOICES = ("v2c", *(user.name for user in USERS))


@pytest.fixture(scope="module")
async def manager() -> AsyncIterator[SnmpTrapd]:
    async with snmptrapd(USERS) as server:
        yield server


def target_of(server: SnmpTrapd, choice: str, **changes: str) -> SnmpTarget:
    options: dict[str, str] = {"version": "v2c", "community": COMMUNITY}
    for user in USERS:
        if user.name == choice:
            keys = {"auth_key": user.auth_key, "priv_key": user.priv_key, "engine_id": user.engine_id}
            options = {"version": "v3", "user": user.name, "auth_protocol": user.auth.lower().replace("-", ""), **keys}
    target = parse_target("snmp", server.target, {**options, **changes})
    assert isinstance(target, SnmpTarget)
    return target


@pytest.mark.parametrize("choice", CHOICES)
async def test_all_seven_arrive_raised_and_cleared_with_their_severity(manager: SnmpTrapd, opened: Opened, choice: str) -> None:
    version = "v2c" if choice == "v2c" else "v3"
    async with opened() as channels:
        for message in all_seven():
            answer = await channels.to(target_of(manager, choice)).send(message)
            assert answer.startswith(f"trap {version} sent as UDP datagram")
            assert answer.endswith("nobody confirms UDP")
            trap = await manager.trap(f".6.{message.delivery_id.int % (2**31 - 1) + 1} = ")
            assert trap.bindings["1.3.6.1.6.3.1.1.4.1.0"] == ".1.3.6.1.4.1.9.9.41.2.0.1"
            assert trap.column(2) == "UC_LICENSE"
            assert int(trap.column(3)) == (6 if message.occasion == "cleared" else message.level) + 1
            assert trap.column(4) == message.name
            assert trap.column(5).startswith(message.headline)
            assert ("TRAP2, SNMP v2c" if version == "v2c" else f"SNMP v3, user {choice}") in trap.security


@pytest.mark.parametrize("choice", CHOICES)
async def test_a_long_text_is_cut_to_what_the_mib_allows(manager: SnmpTrapd, opened: Opened, choice: str) -> None:
    message = raised(reason="größer " * 100)
    async with opened() as channels:
        await channels.to(target_of(manager, choice)).send(message)
    trap = await manager.trap(f".5.{message.delivery_id.int % (2**31 - 1) + 1} = ")
    assert len(trap.column(5)) == 255
    assert trap.column(5).endswith("...")


async def test_a_start_later_than_the_last_is_believed_by_v3(manager: SnmpTrapd) -> None:
    """A clock that began anew at each start would be behind what the receiver has seen, and what it tells thrown away."""
    old, new = raised(), raised()
    begun = datetime.now(UTC)
    for message, started_at in ((old, begun - timedelta(days=30)), (new, begun)):
        await SnmpSender(target_of(manager, "by-sha256"), Names(), started_at).send(message)
        assert await manager.trap(f".6.{message.delivery_id.int % (2**31 - 1) + 1} = ")


@pytest.mark.parametrize(
    "wrong", [{"auth_key": "another pass phrase"}, {"priv_key": "another pass phrase"}, {"engine_id": "80007ed90501020304"}]
)
async def test_what_is_not_the_users_is_not_believed(manager: SnmpTrapd, opened: Opened, wrong: dict[str, str]) -> None:
    """The keys are really used: with another one nothing arrives that a later trap overtakes."""
    stranger, friend = raised(), raised()
    async with opened() as channels:
        await channels.to(target_of(manager, "by-sha", **wrong)).send(stranger)
        await channels.to(target_of(manager, "by-sha")).send(friend)
    await manager.trap(f".6.{friend.delivery_id.int % (2**31 - 1) + 1} = ")
    assert not manager.traps(f".6.{stranger.delivery_id.int % (2**31 - 1) + 1} = ")


async def test_a_community_that_is_not_the_receivers(manager: SnmpTrapd, opened: Opened) -> None:
    stranger, friend = raised(), raised()
    async with opened() as channels:
        await channels.to(target_of(manager, "v2c", community="public")).send(stranger)
        await channels.to(target_of(manager, "v2c")).send(friend)
    await manager.trap(f".6.{friend.delivery_id.int % (2**31 - 1) + 1} = ")
    assert not manager.traps(f".6.{stranger.delivery_id.int % (2**31 - 1) + 1} = ")


async def test_nobody_listens_and_no_name(opened: Opened) -> None:
    async with opened() as channels:
        with pytest.raises(DeliveryFailed, match=r"127\.0\.0\.1:1: connection refused, nobody listens there"):
            await channels.to(parse_target("snmp", f"snmp://{NAME}:1", {"community": "public"})).send(raised())
        with pytest.raises(DeliveryFailed, match=r"the name elsewhere\.test cannot be resolved: Name or service not known"):
            await channels.to(parse_target("snmp", "snmp://elsewhere.test", {"community": "public"})).send(raised())
