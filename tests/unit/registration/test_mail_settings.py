"""Mail is off, or whole: nonsense ends the start with a sentence that names the setting, and never its value."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.registration.settings import RegistrationSettings
from shared.kit.mail_settings import MailSettings
from shared.kit.settings import what_is_wrong

GOOD = {"smtp_host": "mail.example", "smtp_sender": "licenses@vendor.example"}
LOGIN = {"smtp_username": "desk", "smtp_password": "hunter2"}


def test_mail_is_off_by_default() -> None:
    assert RegistrationSettings.model_validate({"database_url": "postgresql+asyncpg:///x"}).smtp_host is None


def test_what_is_set_is_kept_and_the_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LICENSING_SMTP_HOST", "mail.example")
    monkeypatch.setenv("LICENSING_SMTP_SENDER", "licenses@vendor.example")
    monkeypatch.setenv("LICENSING_SMTP_USERNAME", "desk")
    monkeypatch.setenv("LICENSING_SMTP_PASSWORD", "hunter2")
    settings = MailSettings()
    assert (settings.smtp_host, settings.smtp_tls, settings.smtp_port) == ("mail.example", "starttls", None)
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump()}"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"smtp_sender": "licenses@vendor.example"}, "LICENSING_SMTP_SENDER is set, but not LICENSING_SMTP_HOST"),
        (LOGIN, "LICENSING_SMTP_PASSWORD and LICENSING_SMTP_USERNAME are set, but not LICENSING_SMTP_HOST"),
        ({"smtp_host": "mail.example"}, "not LICENSING_SMTP_SENDER"),
        ({**GOOD, "smtp_username": "desk"}, "come together"),
        ({**GOOD, "smtp_password": "hunter2"}, "come together"),
        ({**GOOD, **LOGIN, "smtp_tls": "none"}, "would travel in the clear"),
        ({**GOOD, "smtp_tls": "none", "smtp_ca_file": "ca.pem"}, "LICENSING_SMTP_TLS is none"),
        ({**GOOD, "smtp_tls": "ssl"}, "LICENSING_SMTP_TLS"),
        ({**GOOD, "smtp_port": 0}, "LICENSING_SMTP_PORT"),
        ({**GOOD, "smtp_host": "smtp://mail.example"}, "LICENSING_SMTP_HOST"),
        ({**GOOD, "smtp_host": "mail.example\r\nQUIT"}, "LICENSING_SMTP_HOST"),
        ({**GOOD, "smtp_host": ""}, "LICENSING_SMTP_HOST"),
        ({**GOOD, "smtp_sender": "Desk <licenses@vendor.example>"}, "LICENSING_SMTP_SENDER"),
        ({**GOOD, "smtp_sender": "licenses@vendor.example\r\nBcc: x@y.example"}, "LICENSING_SMTP_SENDER"),
        ({**GOOD, "smtp_timeout_seconds": 0}, "LICENSING_SMTP_TIMEOUT_SECONDS"),
        ({**GOOD, "smtp_timeout_seconds": 601}, "LICENSING_SMTP_TIMEOUT_SECONDS"),
    ],
)
def test_nonsense_ends_the_start_with_a_sentence(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        MailSettings.model_validate(wrong)
    sentence = what_is_wrong(refused.value)
    assert said in sentence
    assert "hunter2" not in sentence
