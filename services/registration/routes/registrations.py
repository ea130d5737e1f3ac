"""/v1/registrations and /v1/rehosts: License Registration."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from services.registration.actions import rehost as rehosting
from services.registration.actions import return_share as returning
from services.registration.actions.file_migration import file_migration
from services.registration.actions.register import register_migration, register_share
from services.registration.routes.bodies import made_body, registration_body, rehost_body, returned_body
from services.registration.store import files
from shared.contracts.base import Page
from shared.contracts.bodies.registration import (
    KeyId,
    MadeLicenseFile,
    NewRegistration,
    NewRehost,
    NewReturn,
    PakText,
    Registration,
    Rehost,
    ReturnedShare,
)
from shared.contracts.fields import LicenseFileId
from shared.kit.idempotency import OnceDep
from shared.kit.paging import PageDep
from shared.kit.problems import NotFound
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1", tags=["registrations"])

FileIdPath = Annotated[LicenseFileId, Path()]


@router.post("/registrations", status_code=201, openapi_extra=needs("vendor"))
async def register_license(body: NewRegistration, tx: TransactionDep, once: OnceDep, request: Request) -> Registration:
    """Make a license file for a server: a share of a PAK, or the free one of a migration. It goes to the e-mail address where the desk
    sends mail, and is downloaded with the id in the answer."""
    desk, settings = request.app.state.desk, request.app.state.settings
    # Before the key is claimed: a migration that has to wait is kept although it is refused, and no half answer may be kept with it.
    migration = await file_migration(tx, settings, body.migration_file, body.mac, body.email) if body.migration_file is not None else None

    async def answer() -> Registration:
        if migration is not None:
            return registration_body(await register_migration(tx, desk, migration, body), mailed=desk.mails)
        return registration_body(await register_share(tx, desk, body), mailed=desk.mails)

    return await once.answer(Registration, body, answer)


@router.get("/registrations", openapi_extra=needs("vendor"))
async def list_registrations(
    tx: TransactionDep,
    page: PageDep,
    pak: Annotated[PakText | None, Query(description="Of this PAK only.")] = None,
    key_id: Annotated[KeyId | None, Query(description="Signed by this key and current: what a lost key makes you issue again.")] = None,
) -> Page[MadeLicenseFile]:
    """The license files made, the oldest first."""
    (after,) = page.after(str) or (None,)
    found = await files.page_of_files(tx, pak.upper() if pak else None, key_id.upper() if key_id else None, after, page.limit)
    cursor = page.next_cursor(len(found), found[-1].license_file_id) if found else None
    return Page(items=[made_body(one) for one in found], next_cursor=cursor)


@router.get("/registrations/{license_file_id}", openapi_extra=needs("vendor"))
async def get_registration(license_file_id: FileIdPath, tx: TransactionDep) -> MadeLicenseFile:
    """One license file: for whom it was made, by whom, and what replaced it."""
    file = await files.find_file(tx, license_file_id)
    if file is None:
        raise NotFound("license file", license_file_id)
    return made_body(file)


@router.get(
    "/registrations/{license_file_id}/license-file",
    openapi_extra=needs("vendor"),
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The .lic file."}},
)
async def download_registered_license_file(license_file_id: FileIdPath, tx: TransactionDep) -> Response:
    """The bytes of a license file, the same at every download."""
    content = await files.content_of(tx, license_file_id)
    if content is None:
        raise NotFound("license file", license_file_id)
    headers = {"Content-Disposition": f'attachment; filename="{license_file_id}.lic"'}
    return Response(content, media_type="text/plain", headers=headers)


@router.post("/registrations/{license_file_id}/return", status_code=201, openapi_extra=needs("vendor"))
async def return_license_file(license_file_id: FileIdPath, body: NewReturn, tx: TransactionDep, once: OnceDep) -> ReturnedShare:
    """Take a share back into its order, to be registered anew. Have the file retired where it is installed; what is made next voids it."""

    async def answer() -> ReturnedShare:
        return returned_body(*await returning.return_share(tx, license_file_id, body.reason))

    return await once.answer(ReturnedShare, body, answer)


@router.post("/rehosts", status_code=201, openapi_extra=needs("vendor"))
async def rehost_license_file(body: NewRehost, tx: TransactionDep, once: OnceDep, request: Request) -> Rehost:
    """Make a license file again for another server. Once the new file is installed, the old one grants nothing."""
    desk = request.app.state.desk

    async def answer() -> Rehost:
        return rehost_body(await rehosting.rehost(tx, desk, body), mailed=desk.mails)

    return await once.answer(Rehost, body, answer)
