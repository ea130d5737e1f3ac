"""Which addresses a webhook may reach, by a table; and the one line in which an answer is kept."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alarms.domain.reach import Guard, TargetRefused, why_not_public
from services.alarms.domain.receipt import LONGEST_ANSWER_CHARACTERS, DeliveryFailed, in_one_line

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.15.255.255",
    "172.32.0.0",
    "100.63.255.255",
    "192.0.1.0",
    "223.255.255.255",
    "2600::1",
    "2a00:1450::1",
    "2001:4860::8888",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_public(text: str) -> None:
    assert why_not_public(ip_address(text)) is None


NOT_PUBLIC = [
    ("0.0.0.0", "unspecified"),
    ("0.1.2.3", "unspecified"),
    ("10.0.0.1", "private"),
    ("172.16.0.1", "private"),
    ("172.31.255.255", "private"),
    ("192.168.1.1", "private"),
    ("100.64.0.1", "private"),
    ("100.127.255.255", "private"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback"),
    ("169.254.169.254", "link-local"),
    ("192.0.0.1", "reserved"),
    ("192.0.2.1", "reserved"),
    ("192.88.99.1", "reserved"),
    ("198.18.0.1", "reserved"),
    ("198.51.100.1", "reserved"),
    ("203.0.113.1", "reserved"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.255", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("::127.0.0.1", "reserved"),
    ("::ffff:8.8.8.8", "an IPv4 address within IPv6"),
    ("::ffff:127.0.0.1", "an IPv4 address within IPv6"),
    ("64:ff9b::808:808", "an IPv4 address behind NAT64"),
    ("64:ff9b:1::a00:1", "an IPv4 address behind NAT64"),
    ("100::1", "reserved"),
    ("2001::1", "reserved"),
    ("2001:db8::1", "reserved"),
    ("2002:7f00:1::", "an IPv4 address behind 6to4"),
    ("3fff::1", "reserved"),
    ("4000::1", "reserved"),
    ("fc00::1", "private"),
    ("fd12:3456::1", "private"),
    ("fe80::1", "link-local"),
    ("fe80::1%eth0", "link-local"),
    ("fec0::1", "private"),
    ("ff02::1", "multicast"),
]


@pytest.mark.parametrize(("text", "word"), NOT_PUBLIC)
def test_not_public_and_why(text: str, word: str) -> None:
    why = why_not_public(ip_address(text))
    assert why is not None
    assert why.startswith(word)
    with pytest.raises(TargetRefused, match="LICENSING_ALARMS_ALLOW_PRIVATE_TARGETS=true permits it"):
        Guard().admit("hooks.test", [ip_address("8.8.8.8"), ip_address(text)])
    Guard(allow_private=True).admit("hooks.test", [ip_address(text)])


@given(st.ip_addresses(v=4))
def test_no_ipv4_is_public_here_and_not_in_the_standard_library(address: IPv4Address) -> None:
    assert why_not_public(address) is not None or (address.is_global and not address.is_multicast)


@given(st.ip_addresses(v=6))
def test_no_ipv6_is_public_here_and_not_in_the_standard_library(address: IPv6Address) -> None:
    assert why_not_public(address) is not None or (address.is_global and not address.is_multicast)


@given(st.integers(0, 2**32 - 1))
def test_no_ipv4_hides_within_an_ipv6(number: int) -> None:
    for network, shift in (("::ffff:0:0/96", 0), ("64:ff9b::/96", 0), ("2002::/16", 80), ("::/96", 0)):
        assert why_not_public(IPv6Address(int(ip_network(network).network_address) | number << shift)) is not None


def test_a_host_that_is_an_address_is_judged_at_once_and_a_name_later() -> None:
    Guard().admit_host("hooks.test")
    Guard().admit_host("8.8.8.8")
    with pytest.raises(TargetRefused, match=r"^10\.0\.0\.1 is private: a webhook goes to public addresses only"):
        Guard().admit_host("10.0.0.1")


def test_plain_http_wants_the_same_permission() -> None:
    Guard().admit_scheme("https")
    Guard(allow_private=True).admit_scheme("http")
    with pytest.raises(TargetRefused, match="plain http is refused"):
        Guard().admit_scheme("http")


@given(st.text())
def test_an_answer_is_one_printable_line_of_bounded_length(text: str) -> None:
    line = in_one_line(text)
    assert line.isprintable()
    assert len(line) <= LONGEST_ANSWER_CHARACTERS
    assert line == line.strip()


def test_a_failure_says_what_it_was_told() -> None:
    failed = DeliveryFailed("no\r\nthanks", gone=True, retry_after_seconds=5)
    assert (failed.answer, str(failed), failed.gone, failed.retry_after_seconds) == ("no thanks", "no thanks", True, 5)
    assert (DeliveryFailed("x").gone, DeliveryFailed("x").retry_after_seconds) == (False, None)
    assert DeliveryFailed("x" * 501).answer == "x" * 499 + "…"
