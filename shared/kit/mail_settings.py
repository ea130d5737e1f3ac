"""The mail server, for services that send mail: the same settings everywhere."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from shared.kit.settings import Settings

SmtpTls = Literal["none", "starttls", "tls"]


class MailSettings(Settings):
    """The mail server that a service hands its mail to. Without ``smtp_host`` it sends none."""

    smtp_host: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.:_-]{0,252}$")] | None = None
    """Its name as in its certificate, or its address."""

    smtp_port: int | None = Field(default=None, ge=1, le=65535)
    """By default 587 with ``starttls``, 465 with ``tls``, 25 with ``none``."""

    smtp_tls: SmtpTls = "starttls"
    """``tls``: encrypted from the first byte. With ``starttls`` and ``tls`` nothing is sent to a server that cannot prove its name."""

    smtp_ca_file: Path | None = None
    """Certificates (PEM) that vouch for the server instead of those of the system."""

    smtp_username: str | None = Field(default=None, min_length=1)
    smtp_password: SecretStr | None = Field(default=None, repr=False)

    smtp_sender: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._+=-]{1,64}@[0-9A-Za-z.-]{1,189}$")] | None = None
    """The address that mail comes from, and that answers and returned mails go to."""

    smtp_timeout_seconds: float = Field(default=120, gt=0, le=600)
    """How long handing over one mail may take, from the connection to the server's word."""

    @model_validator(mode="after")
    def _mail_is_whole_or_off(self) -> Self:
        if self.smtp_host is None:
            set_alone = sorted(name for name in self.model_fields_set if name.startswith("smtp_") and getattr(self, name) is not None)
            if set_alone:
                raise ValueError(f"{_names(set_alone)} set, but not LICENSING_SMTP_HOST: name the mail server, or leave all of them out")
            return self
        if self.smtp_sender is None:
            raise ValueError("LICENSING_SMTP_HOST is set, but not LICENSING_SMTP_SENDER: name the address that mail comes from")
        if (self.smtp_username is None) != (self.smtp_password is None):
            raise ValueError("LICENSING_SMTP_USERNAME and LICENSING_SMTP_PASSWORD come together, or not at all")
        if self.smtp_tls == "none" and self.smtp_password is not None:
            raise ValueError("LICENSING_SMTP_TLS is none, so the password would travel in the clear: use starttls or tls")
        if self.smtp_tls == "none" and self.smtp_ca_file is not None:
            raise ValueError("LICENSING_SMTP_CA_FILE is set, but LICENSING_SMTP_TLS is none: use starttls or tls, or leave the file out")
        return self


def _names(settings: list[str]) -> str:
    return " and ".join(f"LICENSING_{name.upper()}" for name in settings) + (" is" if len(settings) == 1 else " are")
