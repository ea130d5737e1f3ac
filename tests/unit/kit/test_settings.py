"""Settings come from LICENSING_* once, have limits, and keep their secrets."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsError

from shared.kit.settings import BrokerSettings, ServiceSettings, what_is_wrong

URL = "postgresql+asyncpg://licensing:hunter2@/licensing"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LICENSING_DATABASE_URL", URL)
    monkeypatch.setenv("LICENSING_DELIVERY_LIMIT", "3")
    monkeypatch.setenv("LICENSING_SOMETHING_ELSE", "is not ours")
    settings = ServiceSettings()
    assert (settings.database_url.get_secret_value(), settings.delivery_limit) == (URL, 3)


def test_the_database_url_is_needed_and_its_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LICENSING_DATABASE_URL", raising=False)
    with pytest.raises(ValidationError, match="database_url"):
        ServiceSettings()
    settings = ServiceSettings.model_validate({"database_url": URL})
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump()}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"database_pool_size": 1},
        {"database_pool_size": 101},
        {"statement_timeout_ms": 0},
        {"outbox_poll_seconds": 0},
        {"delivery_limit": 0},
        {"inbox_days": 0},
        {"handed_over_days": 14},
    ],
)
def test_a_setting_beyond_its_limit_is_refused_at_the_start(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        ServiceSettings.model_validate({"database_url": URL, **wrong})


def test_settings_do_not_change_later() -> None:
    settings = ServiceSettings.model_validate({"database_url": URL})
    with pytest.raises(ValidationError, match="frozen"):
        setattr(settings, "delivery_limit", 1)  # noqa: B010 -- said so that the type checker, which knows it too, lets it pass


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that secret files are read from; no setting stands in the environment."""
    for name in [name for name in os.environ if name.startswith("LICENSING_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LICENSING_SECRETS_DIR", str(tmp_path))
    return tmp_path


def test_a_secret_is_read_from_the_file_of_its_name_without_the_line_end(secrets: Path) -> None:
    (secrets / "licensing_database_url").write_text(f"{URL}\n")
    (secrets / "licensing_amqp_url").write_text("amqp://ledger:hunter2@rabbitmq/licensing")
    assert ServiceSettings().database_url.get_secret_value() == URL
    assert BrokerSettings().amqp_url.get_secret_value() == "amqp://ledger:hunter2@rabbitmq/licensing"


def test_the_environment_wins_over_a_secret_file(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (secrets / "licensing_database_url").write_text("postgresql+asyncpg://from-the-file/licensing")
    monkeypatch.setenv("LICENSING_DATABASE_URL", URL)
    assert ServiceSettings().database_url.get_secret_value() == URL


def test_a_folder_of_secrets_that_is_not_there_holds_none(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LICENSING_SECRETS_DIR", str(secrets / "nowhere"))  # a warning would fail the test
    with pytest.raises(ValidationError) as refused:
        ServiceSettings()
    assert what_is_wrong(refused.value) == "LICENSING_DATABASE_URL: Field required"


@pytest.mark.parametrize(("content", "message"), [(None, "cannot be read"), (b"\xff", "is no text"), (b" \n", "is empty")])
def test_a_secret_file_that_cannot_be_used_is_an_error_with_its_name(secrets: Path, content: bytes | None, message: str) -> None:
    file = secrets / "licensing_database_url"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        ServiceSettings()
    assert what_is_wrong(refused.value).startswith(f"the secret file {file} {message}")


def test_an_address_of_another_kind_is_refused_without_being_repeated() -> None:
    with pytest.raises(ValidationError) as refused:
        ServiceSettings.model_validate({"database_url": "mysql://licensing:hunter2@database/licensing"})
    assert what_is_wrong(refused.value) == "LICENSING_DATABASE_URL: Value error, must begin with postgresql+asyncpg://"
