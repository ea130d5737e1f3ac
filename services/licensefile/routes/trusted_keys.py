"""/v1/trusted-keys: the vendor's public keys as this installation holds them. They are changed in their folder and nowhere else."""

import asyncio

from fastapi import APIRouter, Request

from services.licensefile import store
from services.licensefile.clients import TrustedKeys
from services.licensefile.domain.keys import ListedKey, listed_keys
from shared.contracts.base import Page
from shared.contracts.bodies.licensefile import TrustedKey
from shared.kit.paging import PageDep
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1/trusted-keys", tags=["license files"])


@router.get("", openapi_extra=needs("viewer"))
async def list_trusted_keys(request: Request, tx: TransactionDep, page: PageDep) -> Page[TrustedKey]:
    """Every key: whether it is trusted, when it made files, and how many it signed; files that cannot be used come first."""
    keys: TrustedKeys = request.app.state.trusted_keys
    ring = await asyncio.to_thread(keys.look)
    unusable = [(error.key_file, error.reason) for error in ring.unusable]
    known, uses = await store.revoked_keys(tx), await store.uses_of_keys(tx)
    after = page.after(str, str)
    listed = [
        key for key in listed_keys(ring.trusted, ring.revoked, unusable, known, uses, tx.now.date()) if after is None or _place(key) > after
    ]
    shown = listed[: page.limit]
    return Page(items=[_body(key) for key in shown], next_cursor=page.next_cursor(len(shown), *_place(shown[-1])) if shown else None)


def _place(key: ListedKey) -> tuple[str, str]:
    return key.key_id or "", key.file_name or ""


def _body(key: ListedKey) -> TrustedKey:
    return TrustedKey(
        key_id=key.key_id,
        file_name=key.file_name,
        state=key.state,
        valid_from=key.validity.not_before,
        valid_until=key.validity.not_after,
        revoked_on=key.revoked_on,
        found_revoked_at=key.found_revoked_at,
        reason=key.reason,
        license_files=key.use.license_files,
        granting_license_files=key.use.granting,
    )
