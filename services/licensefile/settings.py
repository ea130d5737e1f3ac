"""The license files' settings."""

from pathlib import Path

from pydantic import Field

from shared.kit.settings import ServiceSettings


class LicenseFileSettings(ServiceSettings):
    """What this service needs."""

    ledger_url: str = "http://ledger:8000"
    """Asked for a cluster's nodes and version before every verdict."""

    trusted_keys_dir: Path | None = None
    """Folder of the vendor's public keys, ``*.pub``; a key in a ``*.revoked`` file is revoked. Without it every signer is unknown."""

    revoked_keys_keep_granting: bool = False
    """Files signed by a revoked key are always flagged; true lets them keep their units."""

    grace_days: int = Field(default=30, ge=1, le=3650)
    """How long a file grants after it first ceased to fit its cluster."""

    review_seconds: float = Field(default=5.0, gt=0)
    """How often expiries, the ends of grace and revoked keys are looked for."""
