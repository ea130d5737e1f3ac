"""``python -m bench.ledger.empty_process serve``: a service of the same make as the ledger that answers a check-out and does nothing.

Behind a gateway it shows what the gateway forwards: the same request, an answer of the same form, no work between.
"""

from fastapi import APIRouter, FastAPI

from services.ledger.app import MIGRATIONS, PROBLEMS
from services.ledger.settings import LedgerSettings
from shared.contracts.bodies.ledger import DeviceBody, PoolBody, PutDevice
from shared.kit.app import Plan, build_app
from shared.kit.bus import Bus
from shared.kit.clock import Clock
from shared.kit.command_line import Served, main
from shared.kit.metrics import Metrics

_POOL = PoolBody(
    authorized=10**9, overdraft_allowed=0, used=1, remaining=10**9 - 1, overdraft=0, status="within", overdraft_in_force=0, version=1
)
_router = APIRouter()


@_router.put("/v1/clusters/{cluster}/devices/{device}", status_code=201)
async def answer(cluster: str, device: str, body: PutDevice) -> DeviceBody:  # noqa: ARG001
    return DeviceBody(device=device, device_type=body.device_type, units=1, pool=_POOL)


def create_empty(settings: LedgerSettings, bus: Bus, clock: Clock, metrics: Metrics) -> FastAPI:
    """A service with one door."""
    return build_app(Plan("ledger", "Nothing", MIGRATIONS, [_router], PROBLEMS), settings, bus, clock, metrics)


if __name__ == "__main__":
    main(create_empty, LedgerSettings, served=Served(create_empty, broker=False))
