"""/v1/clusters/{cluster}/license-files: upload, list, View File, retire."""

from base64 import b64encode
from datetime import timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from services.licensefile import store
from services.licensefile.actions.install import install
from services.licensefile.actions.retire import retire
from services.licensefile.clients import STARTER, Ledger
from services.licensefile.routes.answers import file_members, starter_body
from services.licensefile.routes.upload import LARGEST_BODY_BYTES, OfferDep, UploadRoute
from shared.contracts.base import Page
from shared.contracts.bodies.licensefile import LicenseFileBody, UploadedLicenseFile
from shared.contracts.fields import Name
from shared.kit.idempotency import OnceDep
from shared.kit.paging import PageDep
from shared.kit.problems import NotFound
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1/clusters/{cluster}/license-files", tags=["license files"], route_class=UploadRoute)

ClusterPath = Annotated[Name, Path()]
FilePath = Annotated[Name, Path(description="LicFileID: 17 digits.")]


class _Upload(BaseModel):
    """What makes two uploads under one Idempotency-Key the same."""

    file_name: str
    sha256: str


@router.post("", status_code=201, openapi_extra=needs("admin", largest_body_bytes=LARGEST_BODY_BYTES))
async def upload_license_file(
    cluster: ClusterPath, offer: OfferDep, request: Request, tx: TransactionDep, once: OnceDep
) -> UploadedLicenseFile:
    """Install a license file. It is granted exactly once, within two seconds; or refused with every reason at once (422)."""
    ledger: Ledger = request.app.state.ledger
    grace: timedelta = request.app.state.grace
    asked = await ledger.cluster(cluster)

    async def installed() -> UploadedLicenseFile:
        return UploadedLicenseFile(**file_members(await install(tx, offer, asked, grace)))

    return await once.answer(UploadedLicenseFile, _Upload(file_name=offer.shown_name, sha256=offer.sha256), installed)


@router.get("", openapi_extra=needs("viewer"))
async def list_license_files(cluster: ClusterPath, request: Request, tx: TransactionDep, page: PageDep) -> Page[LicenseFileBody]:
    """Every file that was ever installed on the cluster, by LicFileID; the starter license first while any of it grants."""
    (after,) = page.after(str) or (None,)
    starter = await _starter(request.app.state.ledger, cluster)
    items = [starter] if starter and after is None else []
    found = await store.page_of_files(tx, cluster, after, page.limit - len(items))
    items += [LicenseFileBody(**file_members(file)) for file in found]
    # Behind the starter alone the files begin: no LicFileID sorts before the empty text.
    return Page(items=items, next_cursor=page.next_cursor(len(items), found[-1].license_file_id if found else ""))


@router.get("/{license_file_id}", openapi_extra=needs("viewer"))
async def get_license_file(cluster: ClusterPath, license_file_id: FilePath, request: Request, tx: TransactionDep) -> LicenseFileBody:
    """One file: its state and why, its lines, and what it grants; or the starter license by the id that the list shows."""
    if license_file_id == STARTER and (starter := await _starter(request.app.state.ledger, cluster)):
        return starter
    file = await store.find(tx, cluster, license_file_id)
    if file is None:
        raise NotFound("license file", license_file_id)
    return LicenseFileBody(**file_members(file))


@router.get("/{license_file_id}/content", openapi_extra=needs("viewer"), response_class=PlainTextResponse)
async def view_license_file(cluster: ClusterPath, license_file_id: FilePath, tx: TransactionDep) -> Response:
    """View File: the bytes exactly as they were uploaded, with their SHA-256 as Repr-Digest; also of a file that grants no more."""
    file, content = await store.find(tx, cluster, license_file_id), await store.content_of(tx, cluster, license_file_id)
    if file is None or content is None:
        raise NotFound("license file", license_file_id)
    return Response(
        content,
        headers={
            "content-type": f"text/plain; charset={_charset_of(content)}",
            "content-disposition": f"inline; filename*=UTF-8''{quote(file.file_name, safe='')}",
            "x-content-type-options": "nosniff",
            "etag": f'"{file.sha256}"',
            "repr-digest": f"sha-256=:{b64encode(bytes.fromhex(file.sha256)).decode()}:",
        },
    )


@router.delete("/{license_file_id}", status_code=204, openapi_extra=needs("admin"))
async def retire_license_file(cluster: ClusterPath, license_file_id: FilePath, tx: TransactionDep) -> None:
    """Retire a file, for ever: its grants are taken back, its bytes and its history stay."""
    await retire(tx, cluster, license_file_id)


async def _starter(ledger: Ledger, cluster: str) -> LicenseFileBody | None:
    """The starter license while any of it grants. Raises NotFound (the cluster), UpstreamUnavailable."""
    asked = await ledger.describe(cluster)
    starter = await ledger.starter(cluster) if asked.starter else None
    return starter_body(asked, starter) if starter else None


def _charset_of(content: bytes) -> str:
    """License files are UTF-8 or 8-bit Latin."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "iso-8859-1"
    return "utf-8"
