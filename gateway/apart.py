"""The gateway over services that are processes of their own, by their addresses."""

from fastapi import FastAPI

from gateway.app import create_app
from gateway.proxy import Upstream
from gateway.published import published_contracts
from gateway.settings import GatewaySettings
from shared.kit.bus import Bus
from shared.kit.clock import Clock
from shared.kit.life import CannotStart
from shared.kit.metrics import Metrics


def create_over_processes(settings: GatewaySettings, bus: Bus, clock: Clock, metrics: Metrics) -> FastAPI:
    """The gateway as an ASGI application over ``settings.upstreams``; their names choose the contracts. Raises CannotStart."""
    known = published_contracts()
    named = settings.upstreams
    if not named or not named.keys() <= known.keys():
        wrong = ", ".join(sorted(named.keys() - known.keys()))
        raise CannotStart(
            f"LICENSING_UPSTREAMS {f'names {wrong}' if wrong else 'names no service'}. "
            f"There are {', '.join(known)}: name each that this gateway stands before, like ledger=http://ledger:8000."
        )
    if settings.identity_key_file is None:
        raise CannotStart("LICENSING_IDENTITY_KEY_FILE is not set: without the private key no service would believe who calls.")
    try:
        upstreams = {name: Upstream(name, urls, metrics) for name, urls in named.items()}
    except ValueError as error:
        raise CannotStart(f"LICENSING_UPSTREAMS: {error}.") from error
    return create_app(settings, bus, clock, metrics, upstreams=upstreams)
