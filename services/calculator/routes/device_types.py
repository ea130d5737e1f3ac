"""/v1/device-types: the catalogue."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from services.calculator import store
from services.calculator.actions.add_local_type import add_local_type
from services.calculator.domain.catalogue import DeviceType
from shared.contracts.base import Page
from shared.contracts.bodies.calculator import DeviceTypeBody, NewDeviceType
from shared.contracts.fields import Name
from shared.kit.paging import PageDep
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1/device-types", tags=["device types"])


def _body(found: DeviceType) -> DeviceTypeBody:
    return DeviceTypeBody(
        device_type=found.device_type,
        label=found.label,
        model_code=found.model_code,
        units=found.units,
        adjunct_units=found.adjunct_units,
        provisional=found.provisional,
        source=found.source,
        local=not found.shipped,
    )


@router.get("", openapi_extra=needs("viewer"))
async def list_device_types(tx: TransactionDep, page: PageDep) -> Page[DeviceTypeBody]:
    """Every device type and what it costs in units, by name."""
    (after,) = page.after(str) or (None,)
    found = await store.page_of_types(tx, after, page.limit)
    return Page(items=[_body(one) for one in found], next_cursor=page.next_cursor(len(found), found[-1].device_type) if found else None)


@router.put("/{device_type}", openapi_extra=needs("admin"), responses={201: {"model": DeviceTypeBody}})
async def put_device_type(
    device_type: Annotated[Name, Path()], body: NewDeviceType, tx: TransactionDep, response: Response
) -> DeviceTypeBody:
    """Add a local device type or change its price; a new version of the catalogue. Shipped types are answered with 409."""
    added, new = await add_local_type(tx, device_type, body)
    response.status_code = 201 if new else 200
    return _body(added)
