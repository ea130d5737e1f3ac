"""/v1/alarm-catalogue: what each alarm means and what to do."""

from fastapi import APIRouter, Request

from shared.contracts.base import Page
from shared.contracts.bodies.alarms import CatalogueAlarm
from shared.kit.scopes import needs

router = APIRouter(prefix="/v1/alarm-catalogue", tags=["alarms"])


@router.get("", openapi_extra=needs("viewer"))
async def list_alarm_catalogue(request: Request) -> Page[CatalogueAlarm]:
    """All alarms that there are, with severity, meaning and recommended action; one page."""
    names = CatalogueAlarm.model_fields
    kinds = request.app.state.catalogue.values()
    return Page(items=[CatalogueAlarm.model_validate({name: getattr(kind, name) for name in names}) for kind in kinds])
