"""Lines of syslog: RFC 5424 read back by its grammar, the vendor's form by its description, and where they are cut."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alarms.clients.syslog_lines import LONGEST_CISCOLOG_BYTES, LONGEST_DATAGRAM_BYTES, Origin, ciscolog, cut, rfc5424
from services.alarms.domain.catalogue import AlarmName
from services.alarms.domain.message import Message
from tests.receivers.messages import all_seven, cleared, raised

ORIGIN = Origin("ledger-1.test", 4711)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
HEADER = re.compile(
    r"<(?P<pri>\d{1,3})>1 (?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (?P<host>[\x21-\x7e]{1,255}) (?P<app>[\x21-\x7e]{1,48}) "
    r"(?P<process>[\x21-\x7e]{1,128}) (?P<msgid>[\x21-\x7e]{1,32}) \[(?P<id>[^\s=\]\"]{1,32})(?P<rest>.*)",
    re.DOTALL,
)
PARAMETER = re.compile(r' (?P<name>[A-Za-z]{1,32})="(?P<value>(?:[^"\\\]]|\\["\\\]])*)"', re.DOTALL)
CISCOLOG = re.compile(
    r"<(?P<pri>\d{1,3})>(?P<number>\d+): (?P<host>[^ :]+): (?P<stamp>[A-Z][a-z]{2} \d\d \d{4} \d\d:\d\d:\d\d\.\d{3} UTC): "
    r"%(?P<app>[A-Z0-9_]+)-(?P<severity>[0-7])-(?P<name>[A-Za-z0-9_]{2,}): %(?P<tags>(?:\[[A-Za-z]+=(?:[^\[\]\\]|\\[\[\]\\])*\])+): "
    r"(?P<text>.*)",
    re.DOTALL,
)


def read(line: bytes) -> dict[str, Any]:
    """RFC 5424's grammar, strictly."""
    header = HEADER.fullmatch(line.decode())
    assert header, line
    rest, parameters = header["rest"], {}
    while found := PARAMETER.match(rest):
        parameters[found["name"]] = re.sub(r"\\([\"\\\]])", r"\1", found["value"])
        rest = rest[found.end() :]
    assert rest.startswith("] \ufeff"), rest
    return {**header.groupdict(), "parameters": parameters, "text": rest[3:]}


@pytest.mark.parametrize("message", all_seven(), ids=lambda message: f"{message.name}-{message.occasion}")
def test_rfc5424_of_all_seven(message: Message) -> None:
    seen = read(rfc5424(message, ORIGIN))
    assert int(seen["pri"]) == 23 * 8 + (6 if message.occasion == "cleared" else message.level)
    assert (seen["at"], seen["host"], seen["app"]) == ("2026-11-24T14:53:55.655528Z", "ledger-1.test", "licensing-alarms")
    assert (seen["process"], seen["msgid"], seen["id"]) == ("4711", message.name, "license@32473")
    assert seen["parameters"] == {
        "deliveryId": str(message.delivery_id),
        "alarmId": str(message.alarm_id),
        "occasion": message.occasion,
        "name": message.name,
        "severity": message.severity,
        "cluster": "headquarters",
        "subject": "headquarters/PHONE_UNIT",
        "count": "3",
    }
    assert message.headline in seen["text"]


def test_what_to_do_is_told_as_long_as_there_is_something() -> None:
    assert read(rfc5424(raised(), ORIGIN))["text"].endswith("end the overdraft.")
    assert "Order more" not in read(rfc5424(cleared(), ORIGIN))["text"]


@given(TEXTS, TEXTS, TEXTS)
def test_rfc5424_is_read_back_whatever_stands_in_it(cluster: str, subject: str, reason: str) -> None:
    message = raised(cluster=cluster, subject=subject, reason=reason, stage=cluster)
    seen = read(rfc5424(message, ORIGIN))
    for name, value in (("cluster", cluster), ("subject", subject), ("stage", cluster)):
        shown = "".join(character if character.isprintable() else " " for character in value)
        assert seen["parameters"][name] == shown.encode()[:160].decode(errors="ignore")
    assert seen["text"].isprintable()


@given(TEXTS, st.text(st.sampled_from('ä€😀"]\\x'), max_size=3000), TEXTS)
def test_a_datagram_is_never_longer_and_still_the_form(cluster: str, reason: str, host: str) -> None:
    message = raised(cluster=cluster, subject=cluster * 3, reason=reason, stage=cluster)
    line = rfc5424(message, Origin(host, 1), LONGEST_DATAGRAM_BYTES)
    assert len(line) <= LONGEST_DATAGRAM_BYTES
    seen = read(line)
    whole = rfc5424(message, Origin(host, 1))
    assert (line == whole) is (len(whole) <= LONGEST_DATAGRAM_BYTES)
    assert line == whole or seen["text"].endswith(" … [cut at 2048 bytes]")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.integers(30, 200))
def test_a_cut_is_between_two_characters(text: str, longest: int) -> None:
    seen = cut("", text, longest).decode()
    assert len(seen.encode()) <= longest
    assert seen == text or text.startswith(seen.removesuffix(f" … [cut at {longest} bytes]"))


@pytest.mark.parametrize("message", all_seven(), ids=lambda message: f"{message.name}-{message.occasion}")
def test_ciscolog_of_all_seven(message: Message) -> None:
    seen = CISCOLOG.fullmatch(ciscolog(message, ORIGIN, 12).decode())
    assert seen
    assert int(seen["pri"]) == 23 * 8 + message.urgency
    assert int(seen["severity"]) == message.urgency
    assert (seen["number"], seen["host"], seen["stamp"], seen["app"]) == (
        "12",
        "ledger-1.test",
        "Nov 24 2026 14:53:55.655 UTC",
        "UC_LICENSE",
    )
    assert seen["name"] == message.name + ("Cleared" if message.occasion == "cleared" else "")
    assert f"[deliveryId={message.delivery_id}]" in seen["tags"]
    assert message.headline in seen["text"]


def test_one_name_of_the_vendors_form_has_one_severity() -> None:
    found = [CISCOLOG.fullmatch(ciscolog(message, ORIGIN, 0).decode()) for message in all_seven()]
    pairs = {(seen["name"], seen["severity"]) for seen in found if seen}
    assert len(pairs) == len({name for name, _ in pairs}) == 14


@given(TEXTS, st.text(st.sampled_from("ä€😀[]\\x"), max_size=2000))
def test_ciscolog_is_read_back_and_never_longer(cluster: str, reason: str) -> None:
    line = ciscolog(raised(cluster=cluster, subject=cluster, reason=reason), ORIGIN, 10**6)
    assert len(line) <= LONGEST_CISCOLOG_BYTES + len("<185>")
    assert CISCOLOG.fullmatch(line.decode())


def test_the_months_are_english_and_the_time_is_utc() -> None:
    line = ciscolog(raised(at=datetime(2026, 3, 4, 5, 6, 7, 8_999, tzinfo=UTC)), ORIGIN, 0).decode()
    assert ": Mar 04 2026 05:06:07.008 UTC: " in line


@pytest.mark.parametrize(("host", "name"), [("", "-"), ("a b", "ab"), ("größe.test", "gre.test"), ("h" * 300, "h" * 255)])
def test_a_host_that_cannot_be_said_so(host: str, name: str) -> None:
    assert read(rfc5424(raised(AlarmName.FILE_ERROR), Origin(host, 1)))["host"] == name


def test_an_alarm_about_no_cluster_names_none() -> None:
    message = raised(AlarmName.MANAGER_DOWN, cluster=None, subject="ledger")
    assert set(read(rfc5424(message, ORIGIN))["parameters"]) >= {"subject", "count"}
    assert "cluster" not in read(rfc5424(message, ORIGIN))["parameters"]
    assert "[cluster=" not in ciscolog(message, ORIGIN, 0).decode()


@pytest.mark.parametrize("letter", ["[", "\\", "]", "x["])
def test_a_ciscolog_whose_names_are_nothing_but_brackets_has_room_for_its_words(letter: str) -> None:
    cluster = (letter * 128)[:128]
    line = ciscolog(cleared(cluster=cluster, subject=f"{cluster}/PHONE_UNIT", reason="x" * 500), Origin("h" * 64, 4711), 10**6)
    assert CISCOLOG.fullmatch(line.decode())
    assert len(line.removeprefix(b"<190>")) <= LONGEST_CISCOLOG_BYTES
