"""The gateway's settings, and those of everything in one process."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.kit.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    """What the gateway needs."""

    metrics_allow: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Networks that read /metrics without a key, with commas between (``10.1.0.0/16,10.2.3.4``); the machine itself always may."""

    key_cache_seconds: float = Field(default=5.0, ge=0, le=60)
    """How long a key that was looked up is believed; a deletion in another process takes effect within twice that."""

    requests_at_once: int = Field(default=1024, ge=1)
    """Requests being answered, open event streams included; more are told to come back in a second."""

    request_deadline_seconds: float = Field(default=15.0, ge=1, le=600)
    """How long an answer may take to begin, from the last piece of the request on; what has begun takes as long as it takes."""

    identity_key_file: Path | None = None
    """JWK of the private key (Ed25519) with which the gateway says who calls; without it, one that only this process knows."""

    @field_validator("metrics_allow", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given


class EmbeddedSettings(BaseSettings):
    """What everything in one process needs beside the services' own settings."""

    model_config = SettingsConfigDict(env_prefix="LICENSING_", extra="ignore", frozen=True)

    host: str = "127.0.0.1"
    """The address to listen on; without TLS of its own, so beyond the machine only behind something that has it."""

    port: int = Field(default=8080, ge=1, le=65535)

    data_dir: Path | None = None
    """Where all state lives; by default the user's data folder, as root /var/lib/callmanager-licensing."""

    log: Literal["file", "stderr"] = "file"
    """``file``: licensing.log in the data folder, the last 40 MB of it; ``stderr``: to whoever collects it there."""

    drain_seconds: float = Field(default=0.0, ge=0, le=300)
    """How long /readyz says that it ends before connections are refused, for a load balancer that has to notice."""
