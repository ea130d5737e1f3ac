"""Reading a target as a caller wrote it. Everything is checked that can be without asking the network; a text never repeats a secret."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from services.alarms.domain.targets.forms import (
    KINDS,
    EmailTarget,
    InvalidTarget,
    Options,
    SnmpTarget,
    SyslogTarget,
    Target,
    WebhookTarget,
    authority,
)

LONGEST_TARGET_CHARACTERS = 2000
LONGEST_OPTION_CHARACTERS = 512
LONGEST_CA_CHARACTERS = 65_536
MOST_SECRETS = 4
SMALLEST_SECRET_BYTES, LARGEST_SECRET_BYTES = 24, 64
"""Of a webhook's secret, decoded: the bounds of Standard Webhooks."""

SHORTEST_SNMP_KEY = 8
"""RFC 3414 makes no key of a shorter pass phrase."""

_OPTIONS = {
    "syslog": {"format", "ca_pem"},
    "snmp": {"version", "community", "user", "auth_protocol", "auth_key", "priv_protocol", "priv_key", "engine_id"},
    "email": set[str](),
    "webhook": {"secrets"},
}
_SYSLOG_PORTS = {"udp": 514, "tcp": 514, "tls": 6514}
_WEB_PORTS = {"https": 443, "http": 80}
_SNMP_PORT = 162
_URL = re.compile(r"(?P<scheme>[A-Za-z]+)://(?P<authority>[^/?#]*)(?P<rest>.*)")
_AUTHORITY = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\[\]:]+))(?::(?P<port>\d{1,5}))?")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_NUMERIC = re.compile(r"\d+|0[xX][0-9A-Fa-f]*")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_ENGINE_ID = re.compile(r"([0-9a-f]{2}){5,32}")
_ENGINE_ID_BEGINS = "80007ed905"
"""RFC 3411: an enterprise's number, here the one that belongs to nobody (32473), then octets that the administrator gives."""


def parse_target(kind: str, text: str, options: Options) -> Target:
    """The target. Raises InvalidTarget with the field that is wrong: ``kind``, ``target`` or the option's name."""
    if kind not in KINDS:
        raise InvalidTarget("kind", f"must be one of {', '.join(KINDS)}")
    if len(text) > LONGEST_TARGET_CHARACTERS or not (text.isascii() and text.isprintable()) or " " in text:
        raise InvalidTarget("target", f"must be printable ASCII without blanks, at most {LONGEST_TARGET_CHARACTERS} characters")
    for name in options.keys() - _OPTIONS[kind]:
        raise InvalidTarget(
            name, f"is nothing that a destination of kind {kind} has; it has {', '.join(sorted(_OPTIONS[kind])) or 'no options'}"
        )
    if kind == "syslog":
        return _syslog(text, options)
    if kind == "snmp":
        return _snmp(text, options)
    return _email(text) if kind == "email" else _webhook(text, options)


def _syslog(text: str, options: Options) -> SyslogTarget:
    form = "udp://host:port, tcp://host:port or tls://host:port"
    url = _url(text, _SYSLOG_PORTS, form)
    layout = _choice(options, "format", ("rfc5424", "ciscolog")) or "rfc5424"
    ca = _text(options, "ca_pem", LONGEST_CA_CHARACTERS)
    if ca is not None and url.scheme != "tls":
        raise InvalidTarget(
            "ca_pem", f"certificates are checked with tls only, and the target is {url.scheme}: write tls://{authority(url.host, url.port)}"
        )
    if ca is not None and ("-----BEGIN CERTIFICATE-----" not in ca or "\0" in ca):
        raise InvalidTarget("ca_pem", "must be certificates in PEM, each from -----BEGIN CERTIFICATE----- on")
    return SyslogTarget(url.scheme, url.host, url.port, layout, ca)  # type: ignore[arg-type]


def _snmp(text: str, options: Options) -> SnmpTarget:
    form = "snmp://host:port"
    url = _url(text, {"snmp": _SNMP_PORT}, form)
    version = _choice(options, "version", ("v2c", "v3")) or ("v3" if "user" in options else "v2c")
    if version == "v2c":
        for name in options.keys() - {"version", "community"}:
            raise InvalidTarget(name, "belongs to version v3, and this destination has v2c: leave it out or write version v3")
        return SnmpTarget(url.host, url.port, "v2c", community=_required(options, "community", "v2c needs the receiver's community"))
    if options.get("community") is not None:
        raise InvalidTarget("community", "belongs to version v2c, and this destination has v3: leave it out")
    user = _required(options, "user", "v3 needs a user")
    if len(user.encode()) > 32:
        raise InvalidTarget("user", "must be at most 32 bytes")
    auth = _choice(options, "auth_protocol", ("sha", "sha256")) or "sha256"
    priv = _choice(options, "priv_protocol", ("aes128",)) or "aes128"
    keys = [_snmp_key(options, name) for name in ("auth_key", "priv_key")]
    engine = _engine_id(options) or _engine_id_for(user, authority(url.host, url.port))
    return SnmpTarget(url.host, url.port, "v3", None, user, auth, keys[0], priv, keys[1], engine)  # type: ignore[arg-type]


def _email(text: str) -> EmailTarget:
    address = text.removeprefix("mailto:")
    local, at, domain = address.rpartition("@")
    if not at or len(address) > 254 or len(local) > 64 or not _LOCAL_PART.fullmatch(local) or not _is_name(domain):
        raise InvalidTarget(
            "target", "must be one mail address, as mailto:operator@example.com; ASCII only, a domain beyond it in its xn-- form"
        )
    return EmailTarget(address)


def _webhook(text: str, options: Options) -> WebhookTarget:
    form = "https://host/path"
    url = _url(text, _WEB_PORTS, form, plain=False)
    if "#" in text:
        raise InvalidTarget("target", "must have no fragment (#…): it would never reach the receiver")
    return WebhookTarget(text, url.scheme, url.host, url.port, _secrets(options))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Url:
    """``host``: an address in its usual spelling, or a name in lower case."""

    scheme: str
    host: str
    port: int


def _url(text: str, ports: Mapping[str, int], form: str, plain: bool = True) -> _Url:
    """``ports``: the schemes there are, with what they use if nothing is said. ``plain``: host and port are all there may be."""
    url = _URL.fullmatch(text)
    scheme = url["scheme"].lower() if url else ""
    if url is None or scheme not in ports or "\\" in text:
        raise InvalidTarget("target", f"must be written {form}")
    if "@" in url["authority"]:
        raise InvalidTarget("target", f"must not hold a user or a password: write {form}")
    if plain and url["rest"] not in {"", "/"}:
        raise InvalidTarget("target", f"must end after the port: write {form}")
    where = _AUTHORITY.fullmatch(url["authority"])
    if where is None:
        raise InvalidTarget(
            "target", f"has no host and port that can be read: write {form}, an IPv6 address in brackets and without a zone"
        )
    port = int(where["port"]) if where["port"] else ports[scheme]
    if not 1 <= port <= 65_535:
        raise InvalidTarget("target", f"has a port that is none: write {form}, 1 to 65535")
    return _Url(scheme, _host(where["six"], where["host"], form), port)


def _host(six: str | None, other: str | None, form: str) -> str:
    try:
        if six is not None:
            return str(IPv6Address(six))
        return str(IPv4Address(other or ""))
    except ValueError:
        if other is None or not _is_name(other):
            raise InvalidTarget("target", f"has no host name or address that can be read: write {form}") from None
        return other.lower()


def _is_name(host: str) -> bool:
    """A DNS name. One that ends in a number is an address in an old spelling, and those are read differently by different libraries."""
    labels = host.removesuffix(".").split(".")
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels) and not _NUMERIC.fullmatch(labels[-1])


def _text(options: Options, name: str, longest: int = LONGEST_OPTION_CHARACTERS) -> str | None:
    value = options.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value or len(value) > longest:
        raise InvalidTarget(name, f"must be a text of 1 to {longest} characters")
    return value


def _required(options: Options, name: str, why: str) -> str:
    value = _text(options, name)
    if value is None:
        raise InvalidTarget(name, f"is missing: {why}")
    return value


def _choice(options: Options, name: str, choices: tuple[str, ...]) -> str | None:
    value = _text(options, name)
    if value is not None and value not in choices:
        raise InvalidTarget(name, f"must be {' or '.join(choices)}")
    return value


def _snmp_key(options: Options, name: str) -> str:
    key = _required(options, name, f"v3 is told authenticated and encrypted, with a pass phrase of {SHORTEST_SNMP_KEY} characters or more")
    if len(key) < SHORTEST_SNMP_KEY:
        raise InvalidTarget(name, f"must be a pass phrase of {SHORTEST_SNMP_KEY} characters or more")
    return key


def _engine_id(options: Options) -> str | None:
    """Lower-case hex. RFC 3411: 5 to 32 octets, neither all zero nor all ones."""
    value = _text(options, "engine_id")
    if value is None:
        return None
    digits = value.lower().removeprefix("0x")
    if not _ENGINE_ID.fullmatch(digits) or set(digits) in ({"0"}, {"f"}):
        raise InvalidTarget("engine_id", "must be 5 to 32 octets in hex (10 to 64 digits), neither all 0 nor all f")
    return digits


def _engine_id_for(user: str, receiver: str) -> str:
    """One that is the same at every start: a receiver knows the user under it."""
    return _ENGINE_ID_BEGINS + hashlib.sha256(f"{user}@{receiver}".encode()).hexdigest()[:16]


def _secrets(options: Options) -> tuple[str, ...]:
    secrets = options.get("secrets")
    if not isinstance(secrets, list | tuple) or not 1 <= len(secrets) <= MOST_SECRETS:
        raise InvalidTarget("secrets", f"must be 1 to {MOST_SECRETS} secrets, the newest first")
    for secret in secrets:
        try:
            size = len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) if secret.startswith("whsec_") else 0
        except (AttributeError, binascii.Error, ValueError):
            size = 0
        if not SMALLEST_SECRET_BYTES <= size <= LARGEST_SECRET_BYTES:
            raise InvalidTarget(
                "secrets", f"each must be whsec_ and {SMALLEST_SECRET_BYTES} to {LARGEST_SECRET_BYTES} random bytes in base64"
            )
    return tuple(secrets)
