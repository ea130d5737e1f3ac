"""Settings come from LICENSING_* once, have limits, and keep their secrets."""

import pytest
from pydantic import ValidationError

from shared.kit.settings import ServiceSettings

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
