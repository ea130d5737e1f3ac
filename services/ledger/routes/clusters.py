"""/v1/clusters: clusters, their product version and their overdraft policy."""

from dataclasses import asdict

from fastapi import APIRouter, Response

from services.ledger.actions.put_cluster import put_cluster as put
from services.ledger.domain.ladder import policy_of
from services.ledger.routes import ClusterName, LimitsDep
from services.ledger.store import listings, network_services
from shared.contracts.base import Page
from shared.contracts.bodies.ledger import ClusterBody, PutCluster
from shared.contracts.bodies.overdraft import OverdraftPolicyInForce
from shared.contracts.events.ledger import ClusterNode
from shared.kit.paging import PageDep
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1/clusters", tags=["clusters"])


def _body(found: listings.ClusterListing) -> ClusterBody:
    service = network_services.service_of(found.row)
    return ClusterBody(
        cluster=found.row.cluster,
        product_version=found.row.product_version,
        version=found.row.version,
        starter=found.starter,
        migrated=found.row.migration_id is not None,
        frozen=found.row.frozen,
        license_manager=found.row.license_manager,
        license_manager_status="stopped" if service.stopped else "started",
        license_manager_stopped_by=service.by if service.stopped else None,
        license_manager_stopped_at=service.since if service.stopped else None,
        nodes=[ClusterNode(node=n.node, mac=n.mac, first=n.first) for n in found.nodes],
        license_file_ids=found.license_file_ids,
        overdraft_policy=OverdraftPolicyInForce.model_validate(asdict(found.policy)),
        created_at=found.row.created_at,
    )


@router.put("/{cluster}", openapi_extra=needs("admin"), responses={201: {"model": ClusterBody}})
async def put_cluster(cluster: ClusterName, body: PutCluster, tx: TransactionDep, limits: LimitsDep, response: Response) -> ClusterBody:
    """Add a cluster, with the starter license of 1 node and 50 units, or change its product version or its overdraft policy. The
    major is never lowered (409)."""
    policy = policy_of(body.overdraft_policy.model_dump()) if body.overdraft_policy else None
    _, new = await put(tx, limits, cluster, body.product_version, policy, starter=body.starter)
    response.status_code = 201 if new else 200
    return _body(await listings.find_cluster(tx, cluster))


@router.get("/{cluster}", openapi_extra=needs("viewer"))
async def get_cluster(cluster: ClusterName, tx: TransactionDep) -> ClusterBody:
    """A cluster, its nodes and its license manager."""
    await listings.in_one_snapshot(tx)
    return _body(await listings.find_cluster(tx, cluster))


@router.get("", openapi_extra=needs("viewer"))
async def list_clusters(tx: TransactionDep, page: PageDep) -> Page[ClusterBody]:
    """All clusters, by name."""
    (after,) = page.after(str) or (None,)
    await listings.in_one_snapshot(tx)
    found = await listings.page_of_clusters(tx, after, page.limit)
    return Page(items=[_body(one) for one in found], next_cursor=page.next_cursor(len(found), found[-1].row.cluster) if found else None)
