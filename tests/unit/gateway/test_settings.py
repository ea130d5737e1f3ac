"""What a gateway of its own is told: its upstreams, and its first caller."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.domain.key import new_key
from gateway.settings import GatewaySettings
from shared.kit.settings import what_is_wrong

URL = "postgresql+asyncpg://gateway@/licensing"


def settings(**given: Any) -> GatewaySettings:
    return GatewaySettings.model_validate({"database_url": URL, **given})


def test_upstreams_are_named_with_their_addresses() -> None:
    found = settings(upstreams="ledger=http://ledger:8000  licensefile=http://a:8000,http://b:8001\n").upstreams
    assert found == {"ledger": ("http://ledger:8000",), "licensefile": ("http://a:8000", "http://b:8001")}


def test_upstreams_come_from_the_environment_in_the_same_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LICENSING_UPSTREAMS", "alarms=http://alarms:8000")
    assert GatewaySettings(database_url=URL).upstreams == {"alarms": ("http://alarms:8000",)}


@pytest.mark.parametrize(
    "wrong",
    [
        "ledger",
        "ledger=",
        "=http://ledger:8000",
        "ledger=http://a:8000,",
        "ledger=ftp://a:8000",
        "ledger=http://a:8000/v1",
        "a=http://a a=http://b",
    ],
)
def test_upstreams_of_another_form_are_refused(wrong: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(upstreams=wrong)
    assert what_is_wrong(refused.value).startswith("LICENSING_UPSTREAMS: Value error, ")


@pytest.mark.parametrize("key", [None, "", "hunter2", new_key()[:-1]], ids=["none", "empty", "a word", "cut"])
def test_a_first_caller_without_a_key_that_is_one_is_refused_and_the_key_not_repeated(key: str | None) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(first_caller="admin", first_caller_key=key)
    assert "first_caller_key: lk_ and 32 random bytes" in what_is_wrong(refused.value)
    assert "hunter2" not in what_is_wrong(refused.value)
