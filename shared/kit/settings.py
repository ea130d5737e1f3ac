"""Settings every service has. They come from LICENSING_* and from secret files, the environment first, and are passed down.

Nothing reads the environment later.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from shared.kit.secret_files import SecretFiles


class Settings(BaseSettings):
    """Where settings come from: what is passed, LICENSING_*, files of the same names in LICENSING_SECRETS_DIR."""

    model_config = SettingsConfigDict(env_prefix="LICENSING_", extra="ignore", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- the base class's form
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, SecretFiles(settings_cls)


def what_is_wrong(error: ValidationError | SettingsError) -> str:
    """By the names of the environment, never with a value: a secret that was misspelled is still one."""
    if isinstance(error, SettingsError):
        return str(error)
    found = [("_".join(["LICENSING", *map(str, fault["loc"])]).upper(), fault["msg"]) for fault in error.errors()]
    return "; ".join(message if name == "LICENSING" else f"{name}: {message}" for name, message in found)


def _beginning_with(*schemes: str) -> AfterValidator:
    def check(url: SecretStr) -> SecretStr:
        if not url.get_secret_value().startswith(schemes):
            raise ValueError(f"must begin with {' or '.join(schemes)}")
        return url

    return AfterValidator(check)


class ProcessSettings(Settings):
    """Where a process of its own listens, and how it ends."""

    host: str = "127.0.0.1"
    """The address to listen on; without TLS, so beyond the machine only in a network of its own."""

    port: int = Field(default=8000, ge=1, le=65535)

    drain_seconds: float = Field(default=5.0, ge=0, le=300)
    """How long /readyz says that it ends before connections are refused, for whoever sends requests and has to notice."""


class BrokerSettings(Settings):
    """The bus between processes."""

    amqp_url: Annotated[SecretStr, _beginning_with("amqp://", "amqps://")]
    """``amqp://user:password@host:5672/vhost``"""

    declare_topology: bool = True
    """Declare exchange and queues; false where the broker's definitions have them and the account may not."""


class ServiceSettings(Settings):
    """What a service needs to run: its database, and the limits of what it holds open."""

    database_url: Annotated[SecretStr, _beginning_with("postgresql+asyncpg://")]
    """``postgresql+asyncpg://…``; the service works in the schema of its own name there."""

    database_pool_size: int = Field(default=8, ge=2, le=100)
    """Connections for requests, events and timers; leaders hold two more."""

    statement_timeout_ms: int = Field(default=10_000, ge=100)
    """A statement that takes longer is ended by the database, so that no caller waits for ever."""

    outbox_poll_seconds: float = Field(default=1.0, gt=0)
    """How long an event waits at most for the relay when nobody woke it (another process committed it)."""

    delivery_limit: int = Field(default=8, ge=1)
    """How often a consumer may fail on an event before the event is put aside as a dead letter; a collision
    (deadlock, time-out of a statement) counts an eighth."""

    dead_letter_days: int = Field(default=180, ge=1)
    """How long events that no consumer could handle are kept for somebody to look at, after their metric has told of them."""

    inbox_days: int = Field(default=14, ge=1)
    """How long the ids of handled events, and the answers under an Idempotency-Key, are remembered."""

    handed_over_days: int = Field(default=3, ge=1)
    """How long events are kept after the bus took them: a database that is restored hands them over again, and a reader that
    was behind by less than this when the back-up was made misses none."""

    identity_keys_file: Path | None = None
    """JWKS of the gateway's public keys: who calls is believed from what they signed, and from nothing else."""

    identity_keys: dict[str, Any] | None = None
    """The same keys themselves. Without either a service believes everybody; ``serve`` does not start one like that."""

    @model_validator(mode="after")
    def _readers_remember_longer(self) -> "ServiceSettings":
        if self.handed_over_days >= self.inbox_days:
            raise ValueError("handed_over_days must be below inbox_days, or a restored database repeats what readers have forgotten")
        return self
