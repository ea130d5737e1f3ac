"""Settings every service has. They come from LICENSING_* and are passed down; nothing reads the environment later."""

from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """What a service needs to run: its database, and the limits of what it holds open."""

    model_config = SettingsConfigDict(env_prefix="LICENSING_", extra="ignore", frozen=True)

    database_url: SecretStr
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

    identity_keys_file: Path | None = None
    """JWKS of the gateway's public keys: who calls is believed from what they signed, and from nothing else."""

    identity_keys: dict[str, Any] | None = None
    """The same keys themselves. Without either a service believes everybody; ``serve`` does not start one like that."""
