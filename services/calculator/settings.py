"""The calculator's settings."""

from shared.kit.settings import ServiceSettings


class CalculatorSettings(ServiceSettings):
    """What the calculator needs."""

    ledger_url: str = "http://ledger:8000"
    """Asked for a cluster's pool in a what-if."""
