"""What the desk makes license files with, for all of its actions."""

from dataclasses import dataclass

from services.registration.clients.signing_key import SigningKey


@dataclass(frozen=True, slots=True)
class Desk:
    """``overdraft_percent``: OVERDRAFT of a unit line, in percent of its units. ``mails``: files are sent to their addresses."""

    key: SigningKey
    overdraft_percent: int
    mails: bool = False
