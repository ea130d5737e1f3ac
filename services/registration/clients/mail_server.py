"""The mail server that license files are handed to, over SMTP.

Must not be broken: where encryption is asked for nothing is said in the clear instead; neither password nor address stands in a log; and
a mail that the server has taken counts as taken, whatever happens while we say good-bye.
"""

import asyncio
import ssl
from dataclasses import dataclass, field

import aiosmtplib

from services.registration.domain.delivery import Verdict
from services.registration.domain.mail import Mail
from shared.kit.life import CannotStart
from shared.kit.mail_settings import MailSettings, SmtpTls

_PORTS: dict[SmtpTls, int] = {"none": 25, "starttls": 587, "tls": 465}
_GOOD_BYE_SECONDS = 5.0
_PERMANENT = range(500, 600)


class UnusableMailServer(CannotStart):
    """Mail cannot be sent as the settings stand; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where to, how, and from whom. ``seconds``: for one mail, all in all."""

    host: str
    port: int
    tls: SmtpTls
    context: ssl.SSLContext | None = field(repr=False)
    username: str | None
    password: str | None = field(repr=False)
    sender: str
    seconds: float

    async def hand_over(self, mail: Mail) -> Verdict:
        """Give a mail to the server. Raises nothing but the caller's own cancellation: what goes wrong is the verdict."""
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            use_tls=self.tls == "tls",
            start_tls=self.tls == "starttls",
            tls_context=self.context,
            username=self.username,
            password=self.password,
            # The name in our greeting. That of the machine would be asked of its resolver, and in a container it means nothing.
            local_hostname=self.sender.partition("@")[2],
            timeout=self.seconds,
        )
        try:
            async with asyncio.timeout(self.seconds):
                verdict = await _handed_over(client, mail)
            if verdict.kind == "accepted":
                await _good_bye(client)
        except aiosmtplib.SMTPResponseException as error:
            verdict = Verdict("not_now", f"{error.code} {error.message}")  # of the connection or the login: no word about this mail
        except TimeoutError:
            verdict = Verdict("not_now", f"The mail server did not answer in {self.seconds:g} s.")
        except (aiosmtplib.SMTPException, OSError, UnicodeError) as error:  # the last of a host's name that none can have
            verdict = Verdict("not_now", f"{error}" or repr(error))
        finally:
            client.close()
        return verdict


async def _handed_over(client: aiosmtplib.SMTP, mail: Mail) -> Verdict:
    """The server's word about the mail. Raises what aiosmtplib raises before there is one."""
    await client.connect()
    if mail.beyond_ascii and client.is_ehlo_or_helo_needed:
        await client.ehlo()
    if mail.beyond_ascii and not client.supports_extension("smtputf8"):
        return Verdict("refused", "The mail server takes no addresses beyond ASCII (SMTPUTF8). Send the license file to another one.")
    encoding, options = ("utf-8", ["SMTPUTF8"]) if mail.beyond_ascii else ("ascii", [])
    try:
        await client.mail(mail.sender, options=options, encoding=encoding)
        await client.rcpt(mail.recipient, encoding=encoding)
        answer = await client.data(mail.data)
    except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError) as error:
        return Verdict("refused" if error.code in _PERMANENT else "not_now", f"{error.code} {error.message}")
    return Verdict("accepted", f"{answer.code} {answer.message}")


async def _good_bye(client: aiosmtplib.SMTP) -> None:
    """As is polite. The mail is the server's by now: a good-bye that fails changes nothing."""
    try:
        await client.quit(timeout=_GOOD_BYE_SECONDS)
    except (aiosmtplib.SMTPException, OSError):
        return


def mail_server_of(settings: MailSettings) -> MailServer | None:
    """None where no mail is sent. Raises UnusableMailServer."""
    if settings.smtp_host is None:
        return None
    assert settings.smtp_sender is not None  # the settings do not come without
    password = settings.smtp_password
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port or _PORTS[settings.smtp_tls],
        tls=settings.smtp_tls,
        context=None if settings.smtp_tls == "none" else _context(settings),
        username=settings.smtp_username,
        password=password.get_secret_value() if password is not None else None,
        sender=settings.smtp_sender,
        seconds=settings.smtp_timeout_seconds,
    )


def _context(settings: MailSettings) -> ssl.SSLContext:
    file = settings.smtp_ca_file
    try:
        return ssl.create_default_context(cafile=file)
    except ssl.SSLError as error:
        raise UnusableMailServer(
            f"{file} holds no certificates in PEM form. Name those that vouch for the mail server, or none."
        ) from error
    except OSError as error:
        raise UnusableMailServer(f"The certificates {file} of LICENSING_SMTP_CA_FILE cannot be read: {error.strerror}.") from error
