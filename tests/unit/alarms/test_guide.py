"""docs/destinations.md says what is on the wire, and nothing else."""

import json
import re

from services.alarms.clients.snmp_messages import CLOG_MESSAGE_GENERATED
from services.alarms.clients.syslog_lines import LONGEST_CISCOLOG_BYTES, LONGEST_DATAGRAM_BYTES, Origin, ciscolog, rfc5424
from services.alarms.clients.webhook_body import body
from tests.house import ROOT
from tests.receivers.messages import cleared, raised

GUIDE = (ROOT / "docs" / "destinations.md").read_text("utf-8")


def test_the_body_of_a_webhook_is_the_one_that_is_shown() -> None:
    shown = json.loads(GUIDE.partition("```json")[2].partition("```")[0])
    told = json.loads(body(raised()))
    assert list(shown) == list(told)
    assert list(shown["data"]) == list(told["data"])
    assert (shown["type"], shown["data"]["level"], shown["data"]["urgency"]) == (
        told["type"],
        told["data"]["level"],
        told["data"]["urgency"],
    )


def test_the_members_of_a_line_are_those_that_are_listed() -> None:
    listed = re.findall(r"`([A-Za-z]+)`", GUIDE.partition("`[license@32473 …]` with")[2].partition("This\nproduct")[0])
    sent = re.findall(r' (\w+)="', rfc5424(raised(stage="major"), Origin("h", 1)).decode())
    occasions = {"raised", "repeated", "escalated", "cleared", "test"}
    assert [name for name in listed if name not in occasions] == sent


def test_the_vendors_line_is_the_one_that_is_shown() -> None:
    shown = re.search(r"^<185>7: .*$", GUIDE, re.MULTILINE)
    assert shown
    sent = ciscolog(raised(cluster="hq", subject="hq/PHONE_UNIT", count=1), Origin("ledger-1", 1), 7).decode()
    without_ids = re.sub(r"\[(deliveryId|alarmId)=[^]]*\]", r"[\1=…]", sent)
    assert without_ids.startswith(shown[0].removesuffix("text"))
    assert "`%UC_LICENSE-6-CiscoLicenseOverDraftCleared`" in GUIDE
    assert "%UC_LICENSE-6-CiscoLicenseOverDraftCleared:" in ciscolog(cleared(), Origin("ledger-1", 1), 8).decode()


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"cut at {LONGEST_DATAGRAM_BYTES} bytes" in GUIDE
    assert f"at most {LONGEST_CISCOLOG_BYTES} bytes" in GUIDE
    assert CLOG_MESSAGE_GENERATED in GUIDE
