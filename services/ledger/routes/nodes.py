"""/v1/clusters/{cluster}/nodes: call-processing servers."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from services.ledger.actions.put_node import put_node as put
from services.ledger.actions.remove_node import remove_node as remove
from services.ledger.domain.cluster import Cluster
from services.ledger.routes import ClusterName, LimitsDep
from services.ledger.store import listings
from shared.contracts.base import Page
from shared.contracts.bodies.ledger import NodeBody, PutNode
from shared.contracts.fields import Name
from shared.kit.paging import PageDep
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1/clusters/{cluster}/nodes", tags=["nodes"])
NodeName = Annotated[Name, Path(description="The node's name.")]


def _body(cluster: Cluster, name: str) -> NodeBody:
    node = next(n for n in cluster.nodes if n.node == name)
    return NodeBody(node=node.node, mac=node.mac, first=node.first, license_manager=node.node == cluster.license_manager)


@router.put("/{node}", openapi_extra=needs("operator"), responses={201: {"model": NodeBody}})
async def put_node(
    cluster: ClusterName, node: NodeName, body: PutNode, tx: TransactionDep, limits: LimitsDep, response: Response
) -> NodeBody:
    """Add a node, which takes a node license, or change its address or its place as first node. The cluster's first node is always
    admitted while there is none."""
    changed, new = await put(tx, limits, cluster, node, body.mac, body.first)
    response.status_code = 201 if new else 200
    return _body(changed, node)


@router.delete("/{node}", status_code=204, openapi_extra=needs("operator"))
async def remove_node(cluster: ClusterName, node: NodeName, tx: TransactionDep, limits: LimitsDep) -> None:
    """Remove a node and give its license back; also well when it was gone. Files that bear its MAC go into their grace period."""
    await remove(tx, limits, cluster, node)


@router.get("", openapi_extra=needs("viewer"))
async def list_nodes(cluster: ClusterName, tx: TransactionDep, page: PageDep) -> Page[NodeBody]:
    """The cluster's nodes, by name."""
    (after,) = page.after(str) or (None,)
    await listings.in_one_snapshot(tx)
    manager = (await listings.cluster_row(tx, cluster)).license_manager
    found = await listings.page_of_nodes(tx, cluster, after, page.limit)
    bodies = [NodeBody(node=n.node, mac=n.mac, first=n.first, license_manager=n.node == manager) for n in found]
    return Page(items=bodies, next_cursor=page.next_cursor(len(found), found[-1].node) if found else None)
