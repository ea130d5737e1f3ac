"""Which addresses a webhook may reach. Pure: whoever resolves a name asks here about every address before connecting to one.

A webhook's URL is written by a caller and fetched from inside the network: without this rule the service could be made to talk to the
machine it runs on, to its neighbours, or to a cloud's metadata. What is not plainly public is refused by a table of our own, because
the standard library's idea of it has changed within releases. Transition forms that carry another address inside are refused whole.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

_NOT_PUBLIC = tuple(
    (ip_network(network), word)
    for network, word in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "private, behind a carrier's NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "reserved for documentation"),
        ("192.88.99.0/24", "reserved, once a relay of 6to4"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "reserved for benchmarks"),
        ("198.51.100.0/24", "reserved for documentation"),
        ("203.0.113.0/24", "reserved for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "an IPv4 address within IPv6"),
        ("64:ff9b::/96", "an IPv4 address behind NAT64"),
        ("64:ff9b:1::/48", "an IPv4 address behind NAT64"),
        ("2001::/23", "reserved, Teredo among others"),
        ("2001:db8::/32", "reserved for documentation"),
        ("2002::/16", "an IPv4 address behind 6to4"),
        ("3fff::/20", "reserved for documentation"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "private, site-local"),
        ("ff00::/8", "multicast"),
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")


def why_not_public(address: Address) -> str | None:
    """In a word what the address is, where it is not a public one."""
    for network, word in _NOT_PUBLIC:
        if address in network:
            return word
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return "reserved"
    return None


@dataclass
class TargetRefused(Exception):
    """A webhook may not go there."""

    text: str

    def __str__(self) -> str:
        return f"{self.text}; LICENSING_ALARMS_ALLOW_PRIVATE_TARGETS=true permits it"


@dataclass(frozen=True, slots=True)
class Guard:
    """The permission of this installation: ``allow_private`` switches every refusal of this module off."""

    allow_private: bool = False

    def admit_scheme(self, scheme: str) -> None:
        """Raises TargetRefused: what is not encrypted goes to private targets at most."""
        if scheme != "https" and not self.allow_private:
            raise TargetRefused(f"plain {scheme} is refused, a webhook is told over https")

    def admit_host(self, host: str) -> None:
        """Raises TargetRefused where the host is written as an address and that is none for us. A name is judged when it is resolved."""
        try:
            address = ip_address(host)
        except ValueError:
            return
        self.admit(host, [address])

    def admit(self, host: str, addresses: Iterable[Address]) -> None:
        """Raises TargetRefused where one of them is not public: a name that points to both kinds is refused, not sorted."""
        if self.allow_private:
            return
        for address in addresses:
            if word := why_not_public(address):
                said = str(address) if str(address) == host else f"{host} is {address} and that"
                raise TargetRefused(f"{said} is {word}: a webhook goes to public addresses only")
