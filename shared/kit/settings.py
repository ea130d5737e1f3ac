"""Settings every service has. They come from LICENSING_* and are passed down; nothing reads the environment later."""

from pydantic import Field, SecretStr, model_validator
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

    handed_over_days: int = Field(default=3, ge=1)
    """How long events are kept after the bus took them: a database that is restored hands them over again, and a reader that
    was behind by less than this when the back-up was made misses none."""

    @model_validator(mode="after")
    def _readers_remember_longer(self) -> "ServiceSettings":
        if self.handed_over_days >= self.inbox_days:
            raise ValueError("handed_over_days must be below inbox_days, or a restored database repeats what readers have forgotten")
        return self
