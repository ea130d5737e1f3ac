"""The registration desk's settings."""

from pathlib import Path

from pydantic import Field, SecretStr

from shared.kit.mail_settings import MailSettings
from shared.kit.settings import ServiceSettings


class RegistrationSettings(MailSettings, ServiceSettings):
    """What the desk needs, and the vendor's terms."""

    signing_key_file: Path | None = None
    """The vendor's private key (PKCS#8 PEM, encrypted, mode 0600). Needed to serve, not to migrate the schema."""

    signing_key_passphrase: SecretStr | None = Field(default=None, repr=False)
    """Opens ``signing_key_file``; 12 to 1000 bytes."""

    make_signing_key: bool = False
    """Make the key on the first start where there is none; otherwise a missing key is an error, for it may only be misplaced."""

    public_key_file: Path | None = None
    """Where the public key is written (PEM) at every start, for the customers."""

    split_threshold_units: int = Field(default=1000, ge=0)
    """An order ``by_policy`` may be split when it holds at least so many units."""

    overdraft_percent: int = Field(default=5, ge=0, le=100)
    """OVERDRAFT of a PHONE_UNIT line, in percent of its units, rounded down."""

    migration_approval_units: int = Field(default=5_000, ge=0)
    """A free migration that brings its source cluster above so many units waits for the vendor's approval."""

    migration_approval_nodes: int = Field(default=100, ge=0)
    """A free migration that brings its source cluster above so many nodes waits for the vendor's approval."""
