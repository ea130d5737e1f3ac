"""Deliveries and their mails by themselves: pauses, words, and a head that nobody can add a line to."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.delivery import LONGEST_ANSWER, MOST_ATTEMPTS, PAUSES, Delivery, Verdict, after, bounded
from services.registration.domain.license_file import LicenseFile
from services.registration.domain.mail import Letter, UnusableAddress, compose, text_of
from services.registration.domain.order import Order

NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
FILE_ID, MAC, SENDER, EMAIL = "20260314092653589", "0015C5F3A1B2", "licenses@vendor.example", "it@example.com"
ORDER = Order(
    1,
    "Example Ltd",
    EMAIL,
    "5.0",
    20,
    20000,
    "by_policy",
    None,
    "approved",
    "7K2M9QX4TB",
    True,
    20,
    20000,
    1,
    None,
    None,
    None,
    "a",
    NOW,
    "b",
    NOW,
)
FILE = LicenseFile(FILE_ID, 1, 1, 20, 20000, 1000, MAC, MAC, EMAIL, None, None, "0" * 64, "clerk", NOW, "A" * 16)
LETTER = Letter(Delivery(7, FILE_ID, EMAIL, "sending", 1, NOW, None, None, None, "clerk", NOW), ORDER, FILE, b"bytes")


def to(email: str) -> Letter:
    return replace(LETTER, delivery=replace(LETTER.delivery, email=email))


def test_a_mail_that_nobody_takes_is_tried_for_most_of_a_day_and_then_given_up() -> None:
    not_now = Verdict("not_now", "451 later")
    at, tried = NOW, [NOW]
    for attempt in range(1, MOST_ATTEMPTS):
        outcome = after(attempt, not_now, at)
        assert outcome.state == "failed"
        assert outcome.next_attempt_at == at + PAUSES[attempt - 1]
        at = outcome.next_attempt_at
        tried.append(at)
    assert tried[-1] - NOW == timedelta(hours=21, minutes=21)
    assert after(MOST_ATTEMPTS, not_now, at).state == after(MOST_ATTEMPTS + 1, not_now, at).state == "given_up"


def test_a_refusal_ends_it_at_once_and_an_acceptance_at_any_attempt() -> None:
    refused, sent = after(1, Verdict("refused", "550 no"), NOW), after(MOST_ATTEMPTS + 5, Verdict("accepted", "250 ok"), NOW)
    assert (refused.state, refused.next_attempt_at, refused.sent_at, refused.last_answer) == ("given_up", None, None, "550 no")
    assert (sent.state, sent.next_attempt_at, sent.sent_at, sent.last_answer) == ("sent", None, NOW, "250 ok")


@given(st.text(max_size=2000))
def test_what_a_server_says_is_kept_in_one_printable_line_of_bounded_length(text: str) -> None:
    line = bounded(text)
    assert len(line) <= LONGEST_ANSWER
    assert line == "" or line.isprintable()


def test_a_delivery_that_is_open_is_due() -> None:
    with pytest.raises(AssertionError):
        replace(LETTER.delivery, next_attempt_at=None)
    with pytest.raises(AssertionError):
        replace(LETTER.delivery, state="sent", next_attempt_at=None)


def test_the_same_delivery_makes_the_same_mail_and_another_delivery_another() -> None:
    first, other = compose(LETTER, SENDER), compose(replace(LETTER, delivery=replace(LETTER.delivery, delivery_id=8)), SENDER)
    again = compose(replace(LETTER, delivery=replace(LETTER.delivery, attempts=5, last_answer="451 later")), SENDER)
    assert first == again
    ids = [message_from_bytes(mail.data, policy=default)["Message-ID"] for mail in (first, other)]
    assert ids == [f"<{FILE_ID}.7@vendor.example>", f"<{FILE_ID}.8@vendor.example>"]


@given(st.binary(max_size=3000))
def test_the_file_is_attached_byte_for_byte(content: bytes) -> None:
    mail = compose(replace(LETTER, content=content), SENDER)
    assert mail.data.isascii()
    assert max(map(len, mail.data.split(b"\r\n"))) <= 998
    message = message_from_bytes(mail.data, policy=default)
    (attached,) = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == (f"{FILE_ID}.lic", content)


HEAD = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]


@given(st.text(min_size=1, max_size=200))
def test_no_customers_name_adds_a_line_to_the_head_or_a_fact_to_the_text(customer: str) -> None:
    letter = replace(LETTER, order=replace(ORDER, customer=customer))
    message = message_from_bytes(compose(letter, SENDER).data, policy=default)
    assert [name for name in message if name != "Content-Type"] == [name for name in HEAD if name != "Content-Type"]
    assert message["To"] == EMAIL
    assert len(text_of(letter).splitlines()) == len(text_of(LETTER).splitlines())


@pytest.mark.parametrize(
    "email",
    [
        "it@example.com\r\nBcc: x@y.example",
        "it@example.com\n",
        "it @example.com",
        "@example.com",
        "it@",
        "it",
        "",
        "it@a..b",
        "\x00@a.b",
        "a@" + "x" * 64,
    ],
)
def test_what_is_no_address_makes_no_mail(email: str) -> None:
    with pytest.raises(UnusableAddress, match="is no address"):
        compose(to(email), SENDER)


@pytest.mark.parametrize("email", ["a,b@example.com", "a<b>@example.com", "a;b@example.com", 'a"b@example.com', "Name(x)@example.com"])
def test_an_unusual_address_stays_one_address(email: str) -> None:
    mail = compose(to(email), SENDER)
    (one,) = message_from_bytes(mail.data, policy=default)["To"].addresses
    assert f"{one.username}@{one.domain}" == email


def test_temporary_licenses_and_a_file_without_overdraft_are_said_so() -> None:
    text = text_of(replace(LETTER, order=replace(ORDER, expires=date(2026, 12, 31)), file=replace(FILE, overdraft_units=0)))
    assert "through 2026-12-31" in text
    assert "Units:           20000\n" in text
