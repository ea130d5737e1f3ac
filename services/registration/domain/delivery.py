"""Deliveries: a license file on its way to an e-mail address, until the mail server has it or it is given up. Pure.

Must not be broken: what is open is due at some time, so that nothing is forgotten; what the mail server refused for good is not sent again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

State = Literal["waiting", "sending", "failed", "sent", "given_up"]
STATES: tuple[State, ...] = get_args(State)
"""``failed``: tried, and to be tried again."""

OPEN: frozenset[State] = frozenset({"waiting", "sending", "failed"})

PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    *(timedelta(hours=4),) * 5,
)
"""Between one attempt and the next: most servers that are away are back at once, and the last attempt is 21 hours after the first."""

MOST_ATTEMPTS = len(PAUSES) + 1
LONGEST_ANSWER = 500


@dataclass(frozen=True, slots=True)
class Delivery:
    """A file and an address. ``next_attempt_at``: when it is due; while it is sent, when whoever sends it is thought lost."""

    delivery_id: int
    license_file_id: str
    email: str
    state: State
    attempts: int
    next_attempt_at: datetime | None
    last_answer: str | None
    sent_at: datetime | None
    reason: str | None
    requested_by: str
    requested_at: datetime

    def __post_init__(self) -> None:
        assert (self.state in OPEN) == (self.next_attempt_at is not None)  # paired with CHECK delivery_due_while_open
        assert (self.state == "sent") == (self.sent_at is not None)  # paired with CHECK delivery_sent_at_when_sent


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an attempt: the server took the mail, refused it for good, or did neither. ``text``: its words, or what went wrong."""

    kind: Literal["accepted", "refused", "not_now"]
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a delivery goes on after an attempt."""

    state: State
    next_attempt_at: datetime | None
    sent_at: datetime | None
    last_answer: str


@dataclass
class MailIsOff(Exception):
    """A delivery was asked for where no mail server is named."""

    license_file_id: str

    def __str__(self) -> str:
        return (
            f"This desk sends no mail, so license file {self.license_file_id} was not sent. Download it and send it yourself, "
            "or name a mail server (LICENSING_SMTP_HOST)."
        )


@dataclass
class ReplacedBeforeDelivery(Exception):
    """A delivery was asked for of a file that grants nothing once its successor is installed."""

    license_file_id: str
    successor: str

    def __str__(self) -> str:
        return f"License file {self.license_file_id} was replaced by {self.successor} and is not sent any more. Send that one instead."


def after(attempts: int, verdict: Verdict, now: datetime) -> Outcome:
    """How it goes on after the attempt that was number ``attempts``."""
    text = bounded(verdict.text)
    if verdict.kind == "accepted":
        return Outcome("sent", None, now, text)
    if verdict.kind == "refused" or attempts >= MOST_ATTEMPTS:
        return Outcome("given_up", None, None, text)
    return Outcome("failed", now + PAUSES[attempts - 1], None, text)


def replaced_before(successor: str) -> str:
    """Why a file is not sent any more: sent after its successor, it would be the one that is installed."""
    return f"Replaced by {successor} before it was sent."


def returned_before() -> str:
    """Why a file is not sent any more: its share may be in another file already."""
    return "Its share went back to the order before it was sent."


def bounded(text: str) -> str:
    """One printable line of at most ``LONGEST_ANSWER`` characters: what a foreign server says is shown, and kept."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= LONGEST_ANSWER else f"{line[: LONGEST_ANSWER - 1]}…"
