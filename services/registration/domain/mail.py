"""The mail that brings a license file: its text for people, the file itself byte for byte. Pure.

Must not be broken: the same delivery makes the same mail, Message-ID included, so that one that arrives twice is recognised; and nothing
that a caller wrote ends a line of its head.
"""

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime

from services.registration.domain.delivery import Delivery
from services.registration.domain.license_file import LicenseFile
from services.registration.domain.order import Order


@dataclass(frozen=True, slots=True)
class Letter:
    """A delivery and what it brings; ``content``: the bytes of the file."""

    delivery: Delivery
    order: Order
    file: LicenseFile
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it is handed to a server. ``beyond_ascii``: its addresses are, and the server must be one that takes such."""

    sender: str
    recipient: str
    data: bytes
    beyond_ascii: bool


@dataclass
class UnusableAddress(Exception):
    """No mail can be addressed so."""

    email: str

    def __str__(self) -> str:
        return f"{self.email} is no address that a mail can be sent to. Send the license file to another one, or download it."


def compose(letter: Letter, sender: str) -> Mail:
    """The mail of a delivery. Raises UnusableAddress."""
    recipient = _address(letter.delivery.email)
    beyond_ascii = not recipient.addr_spec.isascii()
    message = EmailMessage(policy=SMTPUTF8 if beyond_ascii else SMTP)
    message["From"] = Address(addr_spec=sender)
    message["To"] = recipient
    message["Subject"] = f"License file {letter.file.file_name} for {_one_line(letter.order.customer)}"
    message["Date"] = format_datetime(letter.delivery.requested_at)
    message["Message-ID"] = message_id(letter.delivery, sender)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text_of(letter), cte="quoted-printable")
    # As bytes, not as text: whatever carries a text on its way may change the ends of its lines.
    message.add_attachment(letter.content, maintype="application", subtype="octet-stream", filename=letter.file.file_name)
    message.set_boundary(f"=_{letter.file.license_file_id}_{letter.delivery.delivery_id}_=")
    return Mail(sender, recipient.addr_spec, message.as_bytes(), beyond_ascii)


def message_id(delivery: Delivery, sender: str) -> str:
    """The same at every attempt."""
    return f"<{delivery.license_file_id}.{delivery.delivery_id}@{sender.partition('@')[2]}>"


def _address(email: str) -> Address:
    """Made of its parts, never read from text: what a caller wrote stays one address. The domain is in the form that every server knows."""
    name, _, domain = email.rpartition("@")
    try:
        address = Address(username=name, domain=domain.encode("idna").decode("ascii"))
    except ValueError as error:  # a UnicodeError is one
        raise UnusableAddress(email) from error
    if not name or not domain or not email.isprintable() or " " in email:
        raise UnusableAddress(email)
    return address


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def text_of(letter: Letter) -> str:
    """What the mail says; it stands alone, for whoever reads it has nothing else of ours."""
    order, file = letter.order, letter.file
    units = f"{file.units} (and up to {file.overdraft_units} more as overdraft)" if file.overdraft_units else f"{file.units}"
    facts = [
        ("Customer", _one_line(order.customer)),
        ("Order", f"{order.order_id}, share {file.share}"),
        ("License file", file.license_file_id),
        ("Server's MAC", file.mac),
        ("Product version", order.product_version),
        ("Nodes", f"{file.nodes}"),
        ("Units", units),
        ("Valid", f"through {order.expires}" if order.expires else "permanently"),
        ("SHA-256", file.sha256),
    ]
    table = "\n".join(f"  {name + ':':<17}{value}" for name, value in facts)
    replaced = (
        f"\nIt replaces license file {file.replaces}: once this one is installed, that one grants nothing, wherever it lies.\n"
        if file.replaces
        else ""
    )
    return (
        f"The license file {file.file_name} is attached.\n\n{table}\n{replaced}\n"
        "What to do: save the attachment as it is, without opening it in an editor. In the administration of your cluster go to\n"
        "System > Licensing > License File Upload, choose the file and upload it. It is accepted on the server with the MAC above only.\n\n"
        "If this mail reached you twice, nothing is wrong: the file is the same, and it counts once.\n"
    )
