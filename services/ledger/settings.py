"""The ledger's settings."""

from pydantic import Field, model_validator

from shared.kit.settings import ServiceSettings


class LedgerSettings(ServiceSettings):
    """What the ledger needs."""

    heartbeat_seconds: float = Field(default=5.0, gt=0)
    """Between two signs of life on the bus."""

    approach_percent: int = Field(default=98, ge=1, le=100)
    """Use of what is authorized at which the limit counts as approached."""

    recede_percent: int = Field(default=90, ge=0, le=100)
    """Use at which it counts as receded from."""

    figures_seconds: float = Field(default=300.0, gt=0)
    """Between two measurements of what devices would give back, and two looks into the journals for the daily history."""

    demand_seconds: float = Field(default=60.0, gt=0)
    """Between two looks for demand that is met by now."""

    ghost_days: int = Field(default=30, ge=1, le=3650)
    """A device that was not seen for so many days is a ghost to whoever is refused."""

    lease_look_seconds: float = Field(default=5.0, gt=0)
    """Between two looks at the leases: how late a lapse may be noticed."""

    lease_patience_seconds: float = Field(default=30.0, gt=0)
    """For how long nobody may have looked; after more every lease begins anew, because no device could be heard."""
    reconciliations_kept: int = Field(default=20, ge=1)
    """Of each cluster, the newest; one that is older can be taken back no longer."""

    reconciliation_days: int = Field(default=30, ge=1)
    """After so many days a reconciliation and its differences are forgotten."""

    reconciliation_poll_seconds: float = Field(default=2.0, gt=0)
    """How long a reconciliation that another process left behind waits at most."""
    ladder_seconds: float = Field(default=60.0, gt=0)
    """Between two looks at which overdrafts have lasted for their next stage."""

    @model_validator(mode="after")
    def _recede_below_approach(self) -> "LedgerSettings":
        if self.recede_percent >= self.approach_percent:
            raise ValueError("recede_percent must be below approach_percent, or the limit would be approached and receded from at once")
        return self

    @model_validator(mode="after")
    def _patience_beyond_looks(self) -> "LedgerSettings":
        if self.lease_patience_seconds < 2 * self.lease_look_seconds:
            raise ValueError("lease_patience_seconds must be twice lease_look_seconds or more, or no lease would ever end")
        return self
