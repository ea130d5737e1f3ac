"""A message as a line of syslog: by RFC 5424, and in the vendor's CiscoLog form. No I/O.

RFC 5424's structured data need an enterprise's number. This product has none; 32473 belongs to nobody (RFC 5612 keeps it for examples), so
that no vendor's element is taken for ours. The severity on the wire is the message's urgency: a clearing is informational.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from services.alarms.domain.message import Message

FACILITY = 23
"""local7: where the vendor's own products send such lines by default."""

LONGEST_DATAGRAM_BYTES = 2048
"""What RFC 5424 would have a receiver take at the least is 480, and should is 2048."""

LONGEST_CISCOLOG_BYTES = 800
"""Of the form itself, without the priority before it."""

ENTERPRISE = 32473
APP_NAME = "licensing-alarms"
CISCOLOG_APP = "UC_LICENSE"

_LONGEST_VALUE_BYTES = 160
"""Of one element's value, so that all of them together leave room for the message in a datagram."""

_BOM = "\ufeff"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NOT_PRINTABLE_ASCII = re.compile(r"[^\x21-\x7e]")


@dataclass(frozen=True, slots=True)
class Origin:
    """Who speaks: ``host`` as the receiver shall know it, ``process`` the number of this process."""

    host: str
    process: int

    @property
    def name(self) -> str:
        return _NOT_PRINTABLE_ASCII.sub("", self.host)[:255] or "-"


def priority(message: Message) -> int:
    return FACILITY * 8 + message.urgency


def words(message: Message) -> str:
    """What people read: the headline and what to do, in one line."""
    done = message.occasion == "cleared"
    return one_line(message.headline if done else f"{message.headline}. {message.recommended_action}")


def one_line(text: str) -> str:
    """Control characters would end a line, or colour somebody's terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def rfc5424(message: Message, origin: Origin, longest_bytes: int | None = None) -> bytes:
    """``longest_bytes``: beyond it the words are cut between two characters, and the line ends by saying so."""
    at = message.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    elements = " ".join(f'{name}="{_escaped(value)}"' for name, value in _elements(message))
    head = f"<{priority(message)}>1 {at} {origin.name} {APP_NAME} {origin.process} {message.name} [license@{ENTERPRISE} {elements}] {_BOM}"
    return cut(head, words(message), longest_bytes)


def ciscolog(message: Message, origin: Origin, number: int) -> bytes:
    """``number`` counts this process's lines from 0. The form wants one severity for each name: a clearing has its own, …Cleared."""
    at = message.at.astimezone(UTC)
    cleared = message.occasion == "cleared"
    name = f"{message.name}Cleared" if cleared else message.name
    tags = "".join(f"[{key}={_bracketed(value)}]" for key, value in _elements(message) if key not in {"name", "severity"})
    head = f"{number}: {origin.name}: {_stamp(at)} UTC: %{CISCOLOG_APP}-{message.urgency}-{name}: %{tags}: "
    return f"<{priority(message)}>".encode() + cut(head, words(message), LONGEST_CISCOLOG_BYTES)


def cut(head: str, text: str, longest_bytes: int | None) -> bytes:
    """Head and text in UTF-8; of what is too long the text gives way, on a character's border."""
    whole = (head + text).encode()
    if longest_bytes is None or len(whole) <= longest_bytes:
        return whole
    mark = f" … [cut at {longest_bytes} bytes]".encode()
    begin = head.encode()
    room = longest_bytes - len(begin) - len(mark)
    assert room >= 0, "what stands before the words is bounded"
    return begin + text.encode()[:room].decode(errors="ignore").encode() + mark


def _elements(message: Message) -> list[tuple[str, str]]:
    pairs = [
        ("deliveryId", str(message.delivery_id)),
        ("alarmId", str(message.alarm_id)),
        ("occasion", message.occasion),
        ("name", message.name),
        ("severity", message.severity),
        ("cluster", message.cluster),
        ("subject", message.subject),
        ("stage", message.stage),
        ("count", str(message.count)),
    ]
    return [(name, _bounded(value)) for name, value in pairs if value is not None]


def _bounded(value: str) -> str:
    return one_line(value).encode()[:_LONGEST_VALUE_BYTES].decode(errors="ignore")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _bracketed(value: str) -> str:
    """Escaped, and no longer than a value may be all the same: this form is short. No escape is cut in two."""
    whole = value.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    begin = whole.encode()[:_LONGEST_VALUE_BYTES].decode(errors="ignore")
    return begin[:-1] if (len(begin) - len(begin.rstrip("\\"))) % 2 else begin


def _stamp(at: datetime) -> str:
    """English months whatever the machine's language."""
    return f"{_MONTHS[at.month - 1]} {at.day:02d} {at.year:04d} {at:%H:%M:%S}.{at.microsecond // 1000:03d}"
