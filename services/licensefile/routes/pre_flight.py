"""/v1/clusters/{cluster}/pre-flight: what a change would do."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Request

from services.licensefile.actions.foretell_change import Wanted, foretell_change
from services.licensefile.clients import Ledger
from services.licensefile.routes.foretold import pre_flight_body
from shared.contracts.bodies.pre_flight import NewPreFlight, PreFlightBody
from shared.contracts.fields import Name
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1/clusters/{cluster}/pre-flight", tags=["license files"])


@router.post("", openapi_extra=needs("viewer"))
async def run_pre_flight(cluster: Annotated[Name, Path()], wanted: NewPreFlight, request: Request, tx: TransactionDep) -> PreFlightBody:
    """What happens to the cluster's license files if its first node gets another MAC, if its version is raised, or simply with time:
    which break, when their grace ends, what it leaves of the units, and what to request. Nothing is changed."""
    ledger: Ledger = request.app.state.ledger
    grace: timedelta = request.app.state.grace
    asked = await ledger.situation(cluster)
    change = Wanted(wanted.first_node_mac, wanted.product_version, wanted.at)
    return pre_flight_body(await foretell_change(tx, asked, change, grace))
