"""The signing key at rest."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)
from pydantic import SecretStr

from services.registration.clients.signing_key import SigningKeyError, load_or_make
from services.registration.settings import RegistrationSettings
from shared.license_file.signature import key_id_of
from tests.service.registration.desk import PASSPHRASE


def settings(path: Path, passphrase: str | None = PASSPHRASE, *, make: bool = False, public: Path | None = None) -> RegistrationSettings:
    return RegistrationSettings(
        database_url=SecretStr("postgresql+asyncpg://nobody"),
        signing_key_file=path,
        signing_key_passphrase=SecretStr(passphrase) if passphrase is not None else None,
        make_signing_key=make,
        public_key_file=public,
    )


def test_a_key_is_made_once_encrypted_for_this_account_alone_and_opens_again(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "signing.pem"
    made = load_or_make(settings(file, make=True))
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in file.read_bytes()
    before = file.read_bytes()
    assert load_or_make(settings(file, make=True)).key_id == load_or_make(settings(file)).key_id == made.key_id
    assert file.read_bytes() == before
    assert [left.name for left in file.parent.iterdir()] == ["signing.pem"]


def test_of_several_starts_at_once_the_first_key_stays(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(load_or_make, [settings(tmp_path / "keys" / "signing.pem", make=True)] * 8))
    assert len({key.key_id for key in keys}) == 1
    assert [left.name for left in (tmp_path / "keys").iterdir()] == ["signing.pem"]


def test_the_public_key_is_written_for_customers_at_every_start(tmp_path: Path) -> None:
    made = load_or_make(settings(tmp_path / "signing.pem", make=True, public=tmp_path / "vendor.pub"))
    (tmp_path / "vendor.pub").unlink()
    load_or_make(settings(tmp_path / "signing.pem", public=tmp_path / "vendor.pub"))
    public = load_pem_public_key((tmp_path / "vendor.pub").read_bytes())
    assert isinstance(public, Ed25519PublicKey)
    assert key_id_of(public) == made.key_id
    assert (tmp_path / "vendor.pub").stat().st_mode & 0o777 == 0o644
    assert b"PRIVATE" not in (tmp_path / "vendor.pub").read_bytes()


def test_a_missing_key_is_an_error_unless_one_may_be_made(tmp_path: Path) -> None:
    with pytest.raises(SigningKeyError, match="LICENSING_MAKE_SIGNING_KEY"):
        load_or_make(settings(tmp_path / "signing.pem"))
    assert not (tmp_path / "signing.pem").exists()
    nowhere = RegistrationSettings(database_url=SecretStr("postgresql+asyncpg://nobody"), signing_key_passphrase=SecretStr(PASSPHRASE))
    with pytest.raises(SigningKeyError, match="LICENSING_SIGNING_KEY_FILE"):
        load_or_make(nowhere)


@pytest.mark.parametrize("passphrase", [None, "", "too short", "x" * 1001])
def test_a_passphrase_that_protects_nothing_is_refused(tmp_path: Path, passphrase: str | None) -> None:
    with pytest.raises(SigningKeyError, match="12 to 1000"):
        load_or_make(settings(tmp_path / "signing.pem", passphrase, make=True))
    assert not (tmp_path / "signing.pem").exists()


def test_a_wrong_passphrase_is_a_clear_error_that_does_not_repeat_it(tmp_path: Path) -> None:
    load_or_make(settings(tmp_path / "signing.pem", make=True))
    with pytest.raises(SigningKeyError, match="does not open") as refused:
        load_or_make(settings(tmp_path / "signing.pem", "another long passphrase"))
    assert "another" not in str(refused.value)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    load_or_make(settings(tmp_path / "signing.pem", make=True))
    (tmp_path / "signing.pem").chmod(0o640)
    with pytest.raises(SigningKeyError, match="mode 0640"):
        load_or_make(settings(tmp_path / "signing.pem"))


def test_a_key_of_another_kind_or_not_encrypted_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "signing.pem"
    plain = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    rsa_pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE.encode()))
    for content, said in ((plain, "not encrypted"), (rsa_pem, "no Ed25519 key"), (b"rubbish", "does not open")):
        file.write_bytes(content)
        file.chmod(0o600)
        with pytest.raises(SigningKeyError, match=said):
            load_or_make(settings(file))


def test_no_repr_shows_the_passphrase_or_the_key(tmp_path: Path) -> None:
    chosen = settings(tmp_path / "signing.pem", make=True)
    key = load_or_make(chosen)
    shown = repr(key) + repr(chosen) + str(key)
    assert PASSPHRASE not in shown
    assert "PrivateKey" not in shown
