"""/v1/clusters/{cluster}/journal: every change of a cluster's units, and whether the record of them is whole."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.ledger.actions.verify_journal import verify_journal as verify
from services.ledger.domain.journal import Entry
from services.ledger.routes import ClusterName
from services.ledger.store import journal, listings
from shared.contracts.base import Page
from shared.contracts.bodies.journal import JournalEntry, JournalFault, JournalVerification
from shared.kit.paging import PageDep
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1/clusters/{cluster}/journal", tags=["journal"])


def _body(entry: Entry) -> JournalEntry:
    return JournalEntry.model_validate({**entry._asdict(), "hash": entry.hash.hex()})


@router.get("", openapi_extra=needs("viewer"))
async def list_journal(cluster: ClusterName, tx: TransactionDep, page: PageDep) -> Page[JournalEntry]:
    """The cluster's journal in its order: who changed what, when, and what the pool was after it."""
    (after,) = page.after(int) or (0,)
    await listings.cluster_row(tx, cluster)
    found = await journal.page(await tx.direct(), cluster, after, page.limit)
    next_cursor = page.next_cursor(len(found), found[-1].sequence) if found else None
    return Page(items=[_body(entry) for entry in found], next_cursor=next_cursor)


@router.get("/verification", openapi_extra=needs("viewer"))
async def verify_journal(
    cluster: ClusterName,
    tx: TransactionDep,
    expected_head: Annotated[str | None, Query(max_length=200, description="A `head` that was noted before.")] = None,
) -> JournalVerification:
    """Read the whole journal and make every hash anew. With `expected_head` also a tail that was written anew is seen."""
    verdict = await verify(tx, cluster, expected_head)
    fault = JournalFault(sequence=verdict.fault.sequence, reason=verdict.fault.reason) if verdict.fault else None
    return JournalVerification(entries=verdict.entries, head=verdict.head, intact=fault is None, first_fault=fault)
