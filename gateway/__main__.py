"""``python -m gateway serve|migrate|openapi``: the gateway over other processes, its schema, the surface of all published contracts."""

from fastapi import FastAPI

from gateway.apart import create_over_processes
from gateway.app import create_app
from gateway.published import published_contracts
from gateway.settings import GatewayProcessSettings, GatewaySettings
from shared.kit.bus import Bus
from shared.kit.clock import Clock
from shared.kit.command_line import Served, main
from shared.kit.metrics import Metrics


def _over_everything(settings: GatewaySettings, bus: Bus, clock: Clock, metrics: Metrics) -> FastAPI:
    return create_app(settings, bus, clock, metrics, upstreams={}, contracts=published_contracts())


if __name__ == "__main__":
    served = Served(create_over_processes, GatewayProcessSettings, broker=False)  # it tells no facts, and hears none
    main(_over_everything, GatewaySettings, served=served)
