"""A message as an SNMP trap: CISCO-SYSLOG-MIB's clogMessageGenerated in a v2c message, or authenticated and encrypted in v3. No I/O.

The library gives the encoding and the ciphers. Its engine is not used: it takes a quarter of a second of the loop for each receiver, keeps
its boots in a folder that every user of the machine can write, and begins its clock anew at every start, which receivers answer by
throwing the traps away (RFC 3414's time window). A trap's sender is the authority on the time, so the clock here is the wall's, counted
from a fixed day: after a restart it goes on, and two replicas tell the same time. Boots are 1 for ever.
"""

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pyasn1.codec.ber import encoder
from pysnmp.proto import rfc1902
from pysnmp.proto.api import v2c
from pysnmp.proto.mpmod.rfc3412 import ScopedPDU, SNMPv3Message
from pysnmp.proto.secmod.rfc3414 import localkey
from pysnmp.proto.secmod.rfc3414.service import UsmSecurityParameters
from pysnmp.proto.secmod.rfc3826.priv.aes import Aes

from services.alarms.clients.syslog_lines import words
from services.alarms.domain.message import Message
from services.alarms.domain.targets import SnmpTarget

CLOG_MESSAGE_GENERATED = "1.3.6.1.4.1.9.9.41.2.0.1"
CLOG_HISTORY = "1.3.6.1.4.1.9.9.41.1.2.3.1"
"""A row's columns: 2 facility, 3 severity, 4 name, 5 text, 6 timestamp; then the row's index."""

FACILITY = "UC_LICENSE"
LONGEST_NAME_BYTES = 30
LONGEST_TEXT_BYTES = 255

_SYS_UP_TIME = "1.3.6.1.2.1.1.3.0"
_SNMP_TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"
_TICKS = 2**32
_ENGINE_BOOTS = 1
_ENGINE_CLOCK_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_LARGEST_MESSAGE_BYTES = 65_507
_AUTH_AND_PRIV = b"\x03"
_USER_SECURITY_MODEL = 3
_SALT_BYTES = 8


@dataclass(frozen=True, slots=True)
class _Hash:
    name: str
    digest_bytes: int


_HASHES = {"sha": _Hash("sha1", 12), "sha256": _Hash("sha256", 24)}

Bindings = Sequence[tuple[str, object]]


def bindings(message: Message, started_at: datetime, now: datetime) -> Bindings:
    """What the trap says. ``started_at``: since when this process is up; sysUpTime counts from there, in hundredths of a second.

    The row's index is made of the delivery's id: a repetition of a delivery is the same row.
    """
    index = message.delivery_id.int % (2**31 - 1) + 1
    row = {
        2: rfc1902.OctetString(FACILITY),
        3: rfc1902.Integer32(message.urgency + 1),
        4: rfc1902.OctetString(ascii_cut(message.name, LONGEST_NAME_BYTES)),
        5: rfc1902.OctetString(ascii_cut(words(message), LONGEST_TEXT_BYTES)),
        6: rfc1902.TimeTicks(_ticks(message.at, started_at)),
    }
    return [
        (_SYS_UP_TIME, rfc1902.TimeTicks(_ticks(now, started_at))),
        (_SNMP_TRAP_OID, rfc1902.ObjectIdentifier(CLOG_MESSAGE_GENERATED)),
        *((f"{CLOG_HISTORY}.{column}.{index}", value) for column, value in row.items()),
    ]


def ascii_cut(text: str, longest_bytes: int) -> bytes:
    """The MIB's texts are ASCII and short: letters without their accents; what was cut ends in three dots."""
    letters = (letter for letter in unicodedata.normalize("NFKD", text.replace("–", "-")) if not unicodedata.combining(letter))
    plain = "".join(letters).encode("ascii", "replace")
    return plain if len(plain) <= longest_bytes else plain[: longest_bytes - 3] + b"..."


def v2c_message(community: str, said: Bindings) -> bytes:
    message = v2c.Message()
    v2c.apiMessage.set_defaults(message)
    v2c.apiMessage.set_community(message, community)
    v2c.apiMessage.set_pdu(message, _pdu(said))
    return bytes(encoder.encode(message))


def v3_message(target: SnmpTarget, said: Bindings, now: datetime) -> bytes:
    """Authenticated and encrypted for the target's user, by RFC 3414 and 3826."""
    assert target.engine_id is not None
    assert target.auth_protocol is not None
    chosen = _HASHES[target.auth_protocol]
    engine = bytes.fromhex(target.engine_id)
    seconds = int((now - _ENGINE_CLOCK_BEGAN).total_seconds())
    encrypted, salt = _encrypt(_scoped(engine, said), _localized(target.priv_key, engine, chosen), seconds)
    parameters = _security_parameters(engine, seconds, target.user or "", chosen.digest_bytes, salt)
    whole = _whole(parameters, encrypted)
    # The digest's place is the last but the salt's, each with two bytes of tag and length.
    place = whole.index(parameters) + len(parameters) - (2 + _SALT_BYTES) - chosen.digest_bytes
    digest = hmac.new(_localized(target.auth_key, engine, chosen), whole, chosen.name).digest()[: chosen.digest_bytes]
    return whole[:place] + digest + whole[place + chosen.digest_bytes :]


def _pdu(said: Bindings) -> object:
    pdu = v2c.TrapPDU()
    v2c.apiTrapPDU.set_defaults(pdu)
    v2c.apiTrapPDU.set_varbinds(pdu, [(rfc1902.ObjectName(name), value) for name, value in said])
    return pdu


def _scoped(engine: bytes, said: Bindings) -> bytes:
    scoped = ScopedPDU()
    scoped["contextEngineId"] = engine
    scoped["contextName"] = b""
    scoped["data"].setComponentByType(v2c.TrapPDU.tagSet, _pdu(said), verifyConstraints=False, matchTags=False, matchConstraints=False)
    return bytes(encoder.encode(scoped))


def _encrypt(plain: bytes, key: bytes, seconds: int) -> tuple[bytes, bytes]:
    """Ciphertext and salt. The salt is drawn for each message: the library's counter begins where it began for every sender."""
    cipher = Aes()
    cipher.local_int = secrets.randbits(64)
    encrypted, salt = cipher.encrypt_data(rfc1902.OctetString(key), (_ENGINE_BOOTS, seconds, None), plain)
    return bytes(encrypted), bytes(salt)


def _security_parameters(engine: bytes, seconds: int, user: str, digest_bytes: int, salt: bytes) -> bytes:
    parameters = UsmSecurityParameters()
    parameters["msgAuthoritativeEngineId"] = engine
    parameters["msgAuthoritativeEngineBoots"] = _ENGINE_BOOTS
    parameters["msgAuthoritativeEngineTime"] = seconds
    parameters["msgUserName"] = user.encode()
    parameters["msgAuthenticationParameters"] = bytes(digest_bytes)
    parameters["msgPrivacyParameters"] = salt
    return bytes(encoder.encode(parameters))


def _whole(parameters: bytes, encrypted: bytes) -> bytes:
    message = SNMPv3Message()
    message["msgVersion"] = 3
    header = message["msgGlobalData"]
    header["msgID"] = secrets.randbits(31)
    header["msgMaxSize"] = _LARGEST_MESSAGE_BYTES
    header["msgFlags"] = _AUTH_AND_PRIV
    header["msgSecurityModel"] = _USER_SECURITY_MODEL
    message["msgSecurityParameters"] = parameters
    message["msgData"]["encryptedPDU"] = encrypted
    return bytes(encoder.encode(message))


def _localized(pass_phrase: str | None, engine: bytes, chosen: _Hash) -> bytes:
    assert pass_phrase is not None
    return bytes(localkey.password_to_key(pass_phrase.encode(), rfc1902.OctetString(engine), getattr(hashlib, chosen.name)))


def _ticks(at: datetime, since: datetime) -> int:
    """Hundredths of a second; what was before the start is at its very beginning."""
    return max(0, int((at - since).total_seconds() * 100)) % _TICKS
