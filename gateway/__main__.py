"""``python -m gateway migrate|openapi``: the schema of the callers, and the surface of all published contracts."""

from fastapi import FastAPI

from gateway.app import create_app
from gateway.published import published_contracts
from gateway.settings import GatewaySettings
from shared.kit.bus import Bus
from shared.kit.clock import Clock
from shared.kit.command_line import main
from shared.kit.metrics import Metrics


def _over_everything(settings: GatewaySettings, bus: Bus, clock: Clock, metrics: Metrics) -> FastAPI:
    return create_app(settings, bus, clock, metrics, upstreams={}, contracts=published_contracts())


if __name__ == "__main__":
    main(_over_everything, GatewaySettings)
