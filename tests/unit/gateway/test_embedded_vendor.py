"""The vendor that an embedded installation brings along for evaluation: a pair of keys for each data folder, made once."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway.embedded import _vendors_settings
from services.licensefile.clients import TrustedKeys
from services.registration.clients.signing_key import SigningKey, SigningKeyError, load_or_make
from shared.kit.data_folder import DataFolder

DATABASE = SecretStr("postgresql+asyncpg://nobody")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder whose parents everybody may pass, as the database's account must."""
    made = Path(tempfile.mkdtemp(prefix="lic-", dir="/tmp"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


def started(folder: DataFolder) -> SigningKey:
    """The desk's key as a start of the installation opens it, or makes it."""
    return load_or_make(_vendors_settings(DATABASE, folder, folder.private_folder("trusted-keys"), {}))


def test_each_installation_has_a_pair_and_a_passphrase_of_its_own_and_trusts_no_other(place: Path) -> None:
    one, other = DataFolder.open(place / "one"), DataFolder.open(place / "other")
    first, second = started(one), started(other)
    assert first.key_id != second.key_id
    assert one.read_secret("signing-key-passphrase") != other.read_secret("signing-key-passphrase")
    for folder, key in ((one, first), (other, second)):
        assert TrustedKeys(folder.path / "trusted-keys").read().trusted.keys() == {key.key_id}
    assert started(one).key_id == first.key_id
    one.close()
    other.close()


def test_a_pair_whose_private_half_was_lost_is_not_replaced_in_silence(place: Path) -> None:
    folder = DataFolder.open(place / "data")
    started(folder)
    (folder.path / "vendor" / "signing-key.pem").unlink()
    with pytest.raises(SigningKeyError, match="There is no signing key"):
        started(folder)
    folder.close()
