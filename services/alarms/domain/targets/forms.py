"""Where a message goes, one class a kind.

Secrets and a webhook's path, which is one as often as not, stand in no representation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["syslog", "snmp", "email", "webhook"]
KINDS: tuple[Kind, ...] = ("syslog", "snmp", "email", "webhook")

Transport = Literal["udp", "tcp", "tls"]
SyslogFormat = Literal["rfc5424", "ciscolog"]
AuthProtocol = Literal["sha", "sha256"]
PrivProtocol = Literal["aes128"]

Options = Mapping[str, object]
"""What belongs to a target and is not in its address: texts, but for ``secrets``, a list of them."""


@dataclass
class InvalidTarget(Exception):
    """``field`` of a destination cannot be what it is; ``text``: why, and what to write."""

    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.field}: {self.text}"


@dataclass(frozen=True, slots=True)
class SyslogTarget:
    """``ca_pem``: the certificates that the receiver's is checked against, with tls; None: those of the machine."""

    transport: Transport
    host: str
    port: int
    format: SyslogFormat = "rfc5424"
    ca_pem: str | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        return f"{self.transport}://{authority(self.host, self.port)}"


@dataclass(frozen=True, slots=True)
class SnmpTarget:
    """With v2c a ``community``; with v3 always authPriv: a user, two protocols and two keys, and the sender's ``engine_id`` in hex."""

    host: str
    port: int
    version: Literal["v2c", "v3"]
    community: str | None = field(default=None, repr=False)
    user: str | None = None
    auth_protocol: AuthProtocol | None = None
    auth_key: str | None = field(default=None, repr=False)
    priv_protocol: PrivProtocol | None = None
    priv_key: str | None = field(default=None, repr=False)
    engine_id: str | None = None

    @property
    def shown(self) -> str:
        return f"snmp://{authority(self.host, self.port)}"


@dataclass(frozen=True, slots=True)
class EmailTarget:
    address: str

    @property
    def shown(self) -> str:
        return f"mailto:{self.address}"


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """``secrets``: `whsec_…`, newest first; more than one while a secret is being replaced."""

    url: str = field(repr=False)
    scheme: Literal["https", "http"]
    host: str
    port: int
    secrets: tuple[str, ...] = field(repr=False)

    @property
    def shown(self) -> str:
        return f"{self.scheme}://{authority(self.host, self.port)}"


Target = SyslogTarget | SnmpTarget | EmailTarget | WebhookTarget


def authority(host: str, port: int) -> str:
    """As in a URL: an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
