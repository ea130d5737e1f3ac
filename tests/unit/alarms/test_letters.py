"""What a mail and a webhook say, and how the latter is signed."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alarms.clients.mail import MailServer
from services.alarms.clients.mail_text import LONGEST_SUBJECT_CHARACTERS, body, mail
from services.alarms.clients.webhook_body import body as webhook_body
from services.alarms.clients.webhook_body import headers
from tests.receivers.messages import all_seven, cleared, raised

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NEWER = "whsec_" + base64.b64encode(bytes(range(32, 64))).decode()
NOW = datetime(2026, 11, 24, 15, 0, 0, 999_999, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def letter(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


@given(TEXTS, TEXTS, TEXTS)
def test_no_text_adds_a_header(reason: str, cluster: str, action: str) -> None:
    raw = mail(raised(reason=reason, cluster=cluster, subject=cluster, recommended_action=action), "l@example.com", "o@example.com", None)
    seen = letter(raw)
    expected = {"From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted", "Importance"}
    assert set(seen.keys()) == expected | {"MIME-Version", "Content-Type", "Content-Transfer-Encoding"}
    assert len(seen["Subject"]) <= LONGEST_SUBJECT_CHARACTERS
    assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_every_occasion_says_why_it_is_told() -> None:
    said = {
        "raised": "This alarm was raised.",
        "repeated": "still stands",
        "escalated": "Nobody has acknowledged",
        "test": "Nothing is wrong",
    }
    for occasion, words in said.items():
        text = body(raised(occasion=occasion), "https://licensing.test")
        assert words in text
        assert ("acknowledgement" in text) is (occasion != "test")
    over = body(cleared(), None)
    assert "This alarm is over." in over
    assert "Cleared:      2026-11-24 14:58:55 UTC" in over
    assert "What to do" not in over


def test_a_mail_without_an_address_of_ours_still_says_the_path() -> None:
    message = raised()
    assert f"POST /v1/alarms/{message.alarm_id}/acknowledgement" in body(message, None)


def test_only_what_is_gravest_is_marked_so() -> None:
    marked = {message.name: letter(mail(message, "l@example.com", "o@example.com", None))["Importance"] for message in all_seven()[::2]}
    assert {name for name, importance in marked.items() if importance == "high"} == {
        "CiscoLicenseOverDraft",
        "CiscoLicenseApproachingLimit",
    }
    assert letter(mail(cleared(), "l@example.com", "o@example.com", None))["Importance"] is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sender": "nobody"}, "must be an address"),
        ({"sender": "a@example.com\r\nBcc: b@example.com"}, "must be an address"),
        ({"username": "licensing"}, "both a user name and a password"),
        ({"username": "licensing", "password": "hush", "tls": "none"}, "goes over TLS only"),
    ],
)
def test_a_mail_server_that_cannot_be(changes: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        MailServer(**{"host": "mail.test", "port": 25, "sender": "l@example.com", **changes})  # type: ignore[arg-type]


def test_a_mail_server_shows_no_password() -> None:
    assert "hush" not in repr(MailServer("mail.test", 587, "l@example.com", username="licensing", password="hush"))


@pytest.mark.parametrize("message", all_seven(), ids=lambda message: f"{message.name}-{message.occasion}")
def test_a_webhook_is_told_every_member(message: object) -> None:
    told = json.loads(webhook_body(message))  # type: ignore[arg-type]
    assert told["type"] == f"alarm.{told['data']['occasion']}"
    assert told["timestamp"] == told["data"]["at"] == "2026-11-24T14:53:55.655528Z"
    assert {name for name in told["data"] if not hasattr(message, name)} == set()
    assert set(told["data"]) == set(type(message).__dataclass_fields__) | {"urgency", "headline"}  # type: ignore[attr-defined]


def test_a_signature_is_what_standard_webhooks_says_and_one_for_each_secret() -> None:
    message = raised(reason="größer")
    text = webhook_body(message)
    sent = headers(message, text, (NEWER, SECRET), NOW)
    seconds = str(int(NOW.timestamp()))
    assert (sent["webhook-id"], sent["webhook-timestamp"]) == (str(message.delivery_id), seconds)
    keys = (bytes(range(32, 64)), bytes(range(32)))
    signed = f"{message.delivery_id}.{seconds}.{text}".encode()
    expected = ["v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys]
    assert sent["webhook-signature"].split(" ") == expected


def test_an_alarm_about_no_cluster_names_none() -> None:
    message = raised(cluster=None, subject="ledger")
    assert "Cluster:" not in body(message, None)
    assert json.loads(webhook_body(message))["data"]["cluster"] is None
