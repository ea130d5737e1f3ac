"""/v1/clusters/{cluster}/migration-file: the intermediate XML file of a migration."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Request, Response

from services.licensefile.actions.render_migration import render_migration
from services.licensefile.clients import Ledger
from shared.contracts.fields import Name
from shared.kit.scopes import needs

router = APIRouter(prefix="/v1/clusters/{cluster}/migration-file", tags=["migration"])


class _XmlResponse(Response):
    media_type = "application/xml"


@router.get("", openapi_extra=needs("viewer"), response_class=_XmlResponse)
async def get_migration_file(cluster: Annotated[Name, Path()], request: Request) -> Response:
    """The migration file to paste into License Registration: what the existing devices and nodes of the cluster need."""
    ledger: Ledger = request.app.state.ledger
    xml = render_migration(await ledger.migration(cluster))
    name = quote(f"migration-{cluster}.xml", safe="")
    return _XmlResponse(xml, headers={"content-disposition": f"attachment; filename*=UTF-8''{name}"})
