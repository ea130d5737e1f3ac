"""A message as a mail that stands alone: who reads it on a telephone at night needs no other window to know what to do. No I/O.

No text of ours or anybody else's can add a header: what is no printable character is a blank before it is set.
"""

from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from services.alarms.clients.syslog_lines import one_line
from services.alarms.domain.message import Message

LONGEST_SUBJECT_CHARACTERS = 250

_TOLD = {
    "raised": "This alarm was raised.",
    "repeated": "This alarm still stands; it is told again each day until it ends.",
    "escalated": "Nobody has acknowledged this alarm in time.",
    "cleared": "This alarm is over. Nothing needs to be done.",
    "test": "This is a test of this destination. Nothing is wrong and nothing needs to be done.",
}


def mail(message: Message, sender: str, recipient: str, public_url: str | None) -> bytes:
    """The mail as it goes over the wire. ``public_url``: where this installation is reached, for the link to the alarm."""
    domain = parseaddr(sender)[1].rpartition("@")[2]
    letter = EmailMessage(policy=SMTP)
    letter["From"] = sender
    letter["To"] = recipient
    letter["Subject"] = one_line(message.headline)[:LONGEST_SUBJECT_CHARACTERS]
    letter["Date"] = format_datetime(message.at.astimezone(UTC))
    # The same at every attempt, so that a mailbox that got it twice shows it once; and one conversation for each alarm.
    letter["Message-ID"] = f"<{message.delivery_id}@{domain}>"
    letter["In-Reply-To"] = letter["References"] = f"<alarm.{message.alarm_id}@{domain}>"
    letter["Auto-Submitted"] = "auto-generated"
    if message.urgency <= 1:
        letter["Importance"] = "high"
    letter.set_content(body(message, public_url))
    return letter.as_bytes()


def body(message: Message, public_url: str | None) -> str:
    """Told, cause, what to do, and the particulars."""
    where = f"{(public_url or '').rstrip('/')}/v1/alarms/{message.alarm_id}"
    stands = message.occasion in {"raised", "repeated", "escalated"}
    parts = [
        _TOLD[message.occasion],
        f"{message.name}: {one_line(message.reason)}",
        f"What to do: {one_line(message.recommended_action)}" if stands else None,
        "\n".join(f"{name + ':':<14}{value}" for name, value in _particulars(message) if value is not None),
        f"To acknowledge it: POST {where}/acknowledgement" if stands else None,
    ]
    return "\n\n".join(part for part in parts if part is not None) + "\n"


def _particulars(message: Message) -> list[tuple[str, str | None]]:
    cleared = message.cleared_at
    return [
        ("Severity", f"{message.severity} ({message.level}; 0 is gravest)"),
        ("Stage", message.stage),
        ("Cluster", None if message.cluster is None else one_line(message.cluster)),
        ("Subject", one_line(message.subject)),
        ("Since", _time(message.raised_at)),
        ("Last seen", _time(message.last_seen_at)),
        ("Seen", "once" if message.count == 1 else f"{message.count} times"),
        ("Cleared", None if cleared is None else _time(cleared)),
        ("Alarm id", str(message.alarm_id)),
        ("Delivery id", str(message.delivery_id)),
    ]


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
