"""/v1/unit-calculations: the License Unit Calculator."""

from fastapi import APIRouter, Request

from services.calculator.actions.calculate_units import calculate_units
from shared.contracts.bodies.calculator import NewUnitCalculation, UnitCalculation
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1/unit-calculations", tags=["calculator"])


@router.post("", openapi_extra=needs("viewer"))
async def calculate_units_needed(body: NewUnitCalculation, tx: TransactionDep, request: Request) -> UnitCalculation:
    """How many units these devices need, and what that would leave of a cluster's pool. Nothing is stored."""
    return await calculate_units(tx, request.app.state.ledger, body)
