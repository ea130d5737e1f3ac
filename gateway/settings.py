"""The gateway's settings, and those of everything in one process."""

import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from gateway.domain.key import looks_like_key
from shared.kit.settings import ProcessSettings, ServiceSettings

_ADDRESS = re.compile(r"http://[^/\s,]+")


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

    upstreams: Annotated[dict[str, tuple[str, ...]], NoDecode] = Field(default_factory=dict)
    """The services behind it, where they are processes of their own: ``ledger=http://a:8000,http://b:8000 alarms=http://c:8000``."""

    first_caller: Literal["admin", "vendor"] | None = None
    """The caller by which all others are made, of the scope of its name; kept at every start, with ``first_caller_key``."""

    first_caller_key: SecretStr | None = None

    @field_validator("upstreams", mode="before")
    @classmethod
    def _addresses(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        named = [part.partition("=")[::2] for part in given.split()]
        if len(dict(named)) != len(named):
            raise ValueError("an upstream is named twice")
        found = {name: tuple(addresses.split(",")) for name, addresses in named}
        for name, addresses in found.items():
            if not name or not all(_ADDRESS.fullmatch(address) for address in addresses):
                raise ValueError("must be like ledger=http://ledger:8000 alarms=http://a:8000,http://b:8000")
        return found

    @model_validator(mode="after")
    def _first_key(self) -> "GatewaySettings":
        key = self.first_caller_key.get_secret_value() if self.first_caller_key else ""
        if self.first_caller is not None and not looks_like_key(key):
            raise ValueError("first_caller needs first_caller_key: lk_ and 32 random bytes in base64url (43 characters)")
        return self

    @field_validator("metrics_allow", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given


class GatewayProcessSettings(ProcessSettings):
    """Where a gateway of its own listens."""

    port: int = Field(default=8080, ge=1, le=65535)


class EmbeddedSettings(GatewayProcessSettings):
    """What everything in one process needs beside the services' own settings; without TLS of its own, as a gateway."""

    data_dir: Path | None = None
    """Where all state lives; by default the user's data folder, as root /var/lib/callmanager-licensing."""

    log: Literal["file", "stderr"] = "file"
    """``file``: licensing.log in the data folder, the last 40 MB of it; ``stderr``: to whoever collects it there."""

    drain_seconds: float = Field(default=0.0, ge=0, le=300)
