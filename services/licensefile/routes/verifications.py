"""/v1/license-file-verifications: what an upload would be answered."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from services.licensefile.actions.verify import verify
from services.licensefile.clients import Ledger
from services.licensefile.routes.answers import verdict_body
from services.licensefile.routes.upload import LARGEST_BODY_BYTES, OfferDep, UploadRoute
from shared.contracts.bodies.licensefile import LicenseFileVerdict
from shared.contracts.fields import Name
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1/license-file-verifications", tags=["license files"], route_class=UploadRoute)


@router.post("", openapi_extra=needs("admin", largest_body_bytes=LARGEST_BODY_BYTES))
async def verify_license_file(
    cluster: Annotated[Name, Query(description="The cluster it would be uploaded to.")],
    offer: OfferDep,
    request: Request,
    tx: TransactionDep,
) -> LicenseFileVerdict:
    """The verdict on a file, with every reason at once. Nothing is kept, nothing is raised; a refusal is answered with 200 too."""
    ledger: Ledger = request.app.state.ledger
    asked = await ledger.cluster(cluster)
    return verdict_body(offer, await verify(tx, offer, asked))
