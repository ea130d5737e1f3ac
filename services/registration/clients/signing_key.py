"""The vendor's signing key at rest: an Ed25519 key in an encrypted file that only this account may read.

Must not be broken: neither the key nor the passphrase ever stands in a log, an error, an event or a repr, and a key that is
there is never overwritten, for with it the vendor would lose the name under which all earlier files were signed.
"""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from services.registration.settings import RegistrationSettings
from shared.kit.data_folder import sync_folder, write_private_file
from shared.kit.life import CannotStart
from shared.license_file.lines import LicenseLine
from shared.license_file.signature import key_id_of, sign
from shared.license_file.statement import Statement, write_statement

SHORTEST_PASSPHRASE_BYTES = 12
LONGEST_PASSPHRASE_BYTES = 1000


class SigningKeyError(CannotStart):
    """The signing key cannot be used as it stands; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The opened key. ``key_id`` names it in every line; ``public_pem`` is what customers trust."""

    private: Ed25519PrivateKey = field(repr=False)
    key_id: str
    public_pem: bytes = field(repr=False)

    def sign(self, line: LicenseLine) -> LicenseLine:
        """The line with SIGN and ``<KeyId>``."""
        return sign(line, self.private)

    def state(self, statement: Statement) -> bytes:
        """The statement as a signed text."""
        return write_statement(statement, self.key_id, self.private.sign)


def load_or_make(settings: RegistrationSettings) -> SigningKey:
    """Open the key, or make it where there is none and the settings say so; write the public key file. Raises SigningKeyError."""
    file, passphrase = settings.signing_key_file, _passphrase(settings)
    if file is None:
        raise SigningKeyError("No signing key is named. Set LICENSING_SIGNING_KEY_FILE to the vendor's private key.")
    if not os.path.lexists(file):
        if not settings.make_signing_key:
            raise SigningKeyError(
                f"There is no signing key in {file}. Put the vendor's key there, or set LICENSING_MAKE_SIGNING_KEY=true once to make one."
            )
        _make(file, passphrase)
    key = _opened(file, passphrase)
    if settings.public_key_file is not None:
        _write_public(settings.public_key_file, key.public_pem)
    return key


def _passphrase(settings: RegistrationSettings) -> bytes:
    given = settings.signing_key_passphrase
    passphrase = given.get_secret_value().encode() if given is not None else b""
    if not SHORTEST_PASSPHRASE_BYTES <= len(passphrase) <= LONGEST_PASSPHRASE_BYTES:
        raise SigningKeyError(
            f"LICENSING_SIGNING_KEY_PASSPHRASE has {len(passphrase)} bytes; it needs {SHORTEST_PASSPHRASE_BYTES} to "
            f"{LONGEST_PASSPHRASE_BYTES}, for it alone protects the signing key at rest."
        )
    return passphrase


def _make(file: Path, passphrase: bytes) -> None:
    """A new key, whole or not at all; of several processes that start together the first one's stays."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase))
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}.draft")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private_file(draft, pem.decode("ascii"))
        try:
            os.link(draft, file)
        except FileExistsError:
            return
        finally:
            draft.unlink()
        sync_folder(file.parent)
    except OSError as error:
        raise SigningKeyError(f"The signing key cannot be kept in {file}: {error.strerror}.") from error


def _opened(file: Path, passphrase: bytes) -> SigningKey:
    try:
        private = load_pem_private_key(_read_private(file), passphrase)
    except TypeError:
        raise SigningKeyError(f"The key in {file} is not encrypted. Encrypt it with the passphrase (PKCS#8).") from None
    except ValueError:
        raise SigningKeyError(
            f"The passphrase does not open the signing key in {file}, or the file is damaged. "
            "Set LICENSING_SIGNING_KEY_PASSPHRASE to the passphrase with which it was made; nobody can open it without."
        ) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise SigningKeyError(f"The key in {file} is no Ed25519 key. License lines are signed with Ed25519 only.")
    public = private.public_key()
    return SigningKey(private, key_id_of(public), public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _read_private(file: Path) -> bytes:
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except OSError as error:
        raise SigningKeyError(f"The signing key {file} cannot be read: {error.strerror}.") from error
    with os.fdopen(descriptor, "rb") as opened:
        facts = os.fstat(descriptor)
        if facts.st_mode & 0o077 or facts.st_uid != os.geteuid():
            raise SigningKeyError(
                f"{file} has mode {facts.st_mode & 0o7777:04o} and belongs to uid {facts.st_uid}; the signing key must have mode "
                f"0600 and belong to uid {os.geteuid()}. Others may have copied it: replace it, or restore its mode if you are sure."
            )
        return opened.read()


def _write_public(target: Path, pem: bytes) -> None:
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}.draft")
    try:
        draft.write_bytes(pem)
        draft.chmod(0o644)
        draft.replace(target)
    except OSError as error:
        raise SigningKeyError(f"The public key cannot be written to {target}: {error.strerror}.") from error
