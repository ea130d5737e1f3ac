"""A trap taken apart again: names, values and bounds; and of v3 the clock, the digest and the salt."""

import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder
from pysnmp.proto.api import v2c
from pysnmp.proto.mpmod.rfc3412 import ScopedPDU, SNMPv3Message
from pysnmp.proto.secmod.rfc3414 import localkey
from pysnmp.proto.secmod.rfc3414.service import UsmSecurityParameters
from pysnmp.proto.secmod.rfc3826.priv.aes import Aes

from services.alarms.clients.snmp_messages import ascii_cut, bindings, v2c_message, v3_message
from services.alarms.domain.message import Message
from services.alarms.domain.targets import SnmpTarget
from tests.receivers.messages import AT, all_seven, raised

ENGINE = "80007ed905" + "00" * 12 + "2a"
STARTED = AT - timedelta(minutes=1)
NOW = AT + timedelta(seconds=3)
V3 = SnmpTarget("nms.test", 162, "v3", None, "watcher", "sha256", "authenticate me", "aes128", "encrypt me too", ENGINE)
HISTORY = "1.3.6.1.4.1.9.9.41.1.2.3.1"


def said(pdu: Any) -> dict[str, Any]:
    return {str(name): value for name, value in v2c.apiTrapPDU.get_varbinds(pdu)}


def opened(whole: bytes, target: SnmpTarget = V3) -> tuple[Any, dict[str, Any]]:
    """Security parameters and bindings, with digest and cipher checked against the keys made of the target's pass phrases."""
    message, rest = decoder.decode(whole, asn1Spec=SNMPv3Message())
    assert not rest
    parameters, _ = decoder.decode(bytes(message["msgSecurityParameters"]), asn1Spec=UsmSecurityParameters())
    engine, algorithm = parameters["msgAuthoritativeEngineId"], {"sha": hashlib.sha1, "sha256": hashlib.sha256}[target.auth_protocol or ""]
    digest = bytes(parameters["msgAuthenticationParameters"])
    blank = whole.replace(digest, bytes(len(digest)))
    key = bytes(localkey.password_to_key(target.auth_key, engine, algorithm))
    assert hmac.new(key, blank, algorithm).digest()[: len(digest)] == digest
    times = int(parameters["msgAuthoritativeEngineBoots"]), int(parameters["msgAuthoritativeEngineTime"])
    private = localkey.password_to_key(target.priv_key, engine, algorithm)
    plain = Aes().decrypt_data(private, (*times, parameters["msgPrivacyParameters"]), message["msgData"]["encryptedPDU"])
    scoped, _ = decoder.decode(plain, asn1Spec=ScopedPDU())
    return parameters, said(scoped["data"].getComponent())


@pytest.mark.parametrize("message", all_seven(), ids=lambda message: f"{message.name}-{message.occasion}")
def test_v2c_of_all_seven(message: Message) -> None:
    decoded, rest = decoder.decode(v2c_message("watchers", bindings(message, STARTED, NOW)), asn1Spec=v2c.Message())
    assert not rest
    assert (int(v2c.apiMessage.get_version(decoded)), bytes(v2c.apiMessage.get_community(decoded))) == (1, b"watchers")
    values = said(v2c.apiMessage.get_pdu(decoded))
    row = message.delivery_id.int % (2**31 - 1) + 1
    assert list(values)[:2] == ["1.3.6.1.2.1.1.3.0", "1.3.6.1.6.3.1.1.4.1.0"]
    assert str(values["1.3.6.1.6.3.1.1.4.1.0"]) == "1.3.6.1.4.1.9.9.41.2.0.1"
    assert bytes(values[f"{HISTORY}.2.{row}"]) == b"UC_LICENSE"
    assert int(values[f"{HISTORY}.3.{row}"]) == (7 if message.occasion == "cleared" else message.level + 1)
    assert bytes(values[f"{HISTORY}.4.{row}"]).decode() == message.name
    assert bytes(values[f"{HISTORY}.5.{row}"]).decode().startswith(message.headline)
    assert (int(values["1.3.6.1.2.1.1.3.0"]), int(values[f"{HISTORY}.6.{row}"])) == (6_300, 6_000)


@pytest.mark.parametrize(("protocol", "digest_bytes"), [("sha", 12), ("sha256", 24)])
def test_v3_is_authenticated_and_encrypted(protocol: Any, digest_bytes: int) -> None:
    """An engine's id with zeros in it is not taken for the place of the digest."""
    target = replace(V3, auth_protocol=protocol)
    message = raised()
    whole = v3_message(target, bindings(message, STARTED, NOW), NOW)
    parameters, values = opened(whole, target)
    assert len(parameters["msgAuthenticationParameters"]) == digest_bytes
    assert (bytes(parameters["msgUserName"]), bytes(parameters["msgAuthoritativeEngineId"]).hex()) == (b"watcher", ENGINE)
    assert message.headline.encode() in [bytes(value)[: len(message.headline)] for value in values.values() if hasattr(value, "asOctets")]
    assert message.headline.encode() not in whole


def test_the_engines_clock_is_the_walls_whatever_the_start() -> None:
    """Else a receiver throws away what a process tells that is younger than the last one."""
    times = [
        int(opened(v3_message(V3, bindings(raised(), started, now), now))[0]["msgAuthoritativeEngineTime"])
        for started, now in ((STARTED - timedelta(days=30), NOW), (NOW, NOW + timedelta(seconds=2)))
    ]
    assert times[1] - times[0] == 2
    boots = opened(v3_message(V3, bindings(raised(), NOW, NOW), NOW))[0]["msgAuthoritativeEngineBoots"]
    assert int(boots) == 1


def test_no_two_traps_have_the_same_salt() -> None:
    salts = {bytes(opened(v3_message(V3, bindings(raised(), STARTED, NOW), NOW))[0]["msgPrivacyParameters"]) for _ in range(5)}
    assert len(salts) == 5


def test_a_repetition_is_the_same_row_and_another_delivery_is_not() -> None:
    first, second = raised(), raised(delivery_id=UUID(int=2**128 - 1))
    names = [{name for name, _ in bindings(message, STARTED, NOW)} for message in (first, first, second)]
    assert names[0] == names[1] != names[2]
    assert all(0 < int(name.rpartition(".")[2]) < 2**31 for name, _ in bindings(second, STARTED, NOW)[2:])


def test_what_was_before_the_start_is_at_its_beginning_and_time_goes_round() -> None:
    early = dict(bindings(raised(at=STARTED - timedelta(days=1)), STARTED, NOW))
    assert int(str(list(early.values())[-1])) == 0
    late = dict(bindings(raised(), STARTED, STARTED + timedelta(days=500)))
    assert int(str(late["1.3.6.1.2.1.1.3.0"])) == 500 * 8_640_000 - 2**32


@given(st.text(), st.integers(4, 255))
def test_a_text_is_ascii_and_within_its_bound(text: str, longest: int) -> None:
    seen = ascii_cut(text, longest)
    assert seen.isascii()
    assert len(seen) <= longest


@pytest.mark.parametrize(
    ("text", "seen"), [("plain", b"plain"), ("Zürich, größe – 5", b"Zurich, gro?e - 5"), ("x" * 31, b"x" * 27 + b"...")]
)
def test_what_becomes_of_a_text(text: str, seen: bytes) -> None:
    assert ascii_cut(text, 30) == seen


def test_the_names_of_all_seven_fit() -> None:
    assert max(len(message.name) for message in all_seven()) <= 30


def test_the_clock_began_before_any_message() -> None:
    seconds = int(opened(v3_message(V3, bindings(raised(), STARTED, NOW), datetime.now(UTC)))[0]["msgAuthoritativeEngineTime"])
    assert 0 < seconds < 2**31
