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

    ladder_seconds: float = Field(default=60.0, gt=0)
    """Between two looks at which overdrafts have lasted for their next stage."""

    @model_validator(mode="after")
    def _recede_below_approach(self) -> "LedgerSettings":
        if self.recede_percent >= self.approach_percent:
            raise ValueError("recede_percent must be below approach_percent, or the limit would be approached and receded from at once")
        return self
