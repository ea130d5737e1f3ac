"""/v1/clusters/{cluster}/nodes/{node}/services: Control Center - Network Services."""

from fastapi import APIRouter

from services.ledger.actions.switch_license_manager import drain, switch_license_manager
from services.ledger.domain.network_service import LICENSE_MANAGER
from services.ledger.routes import ClusterName, DesksDep, LimitsDep
from services.ledger.routes.nodes import NodeName
from services.ledger.store import listings, network_services
from shared.contracts.base import Page
from shared.contracts.bodies.network_services import NetworkServiceBody, Switched
from shared.kit.paging import PageDep
from shared.kit.scopes import needs
from shared.kit.transaction import TransactionDep

router = APIRouter(prefix="/v1/clusters/{cluster}/nodes/{node}/services", tags=["network services"])


@router.get("", openapi_extra=needs("viewer"))
async def list_network_services(cluster: ClusterName, node: NodeName, tx: TransactionDep, page: PageDep) -> Page[NetworkServiceBody]:
    """The network services of a node: there is one, and it is started where the node holds the role of license manager and nobody
    stopped it."""
    (after,) = page.after(str) or ("",)
    await listings.in_one_snapshot(tx)
    row = await listings.cluster_row(tx, cluster)
    await listings.find_node(tx, cluster, node)
    if after >= LICENSE_MANAGER:
        return Page(items=[])
    if row.license_manager != node:
        return Page(items=[NetworkServiceBody(status="stopped", since=None)])
    service = network_services.service_of(row)
    status = "stopped" if service.stopped else "started"
    return Page(items=[NetworkServiceBody(status=status, since=service.since or row.created_at, by=service.by)])


@router.post("/license-manager/start", openapi_extra=needs("admin"))
async def start_license_manager(cluster: ClusterName, node: NodeName, tx: TransactionDep, limits: LimitsDep) -> Switched:
    """Start the license manager on the node that holds its role (409 with the name of that node elsewhere). Every lease begins anew.
    One that is started stays as it is."""
    await switch_license_manager(tx, limits, cluster, node, "start")
    return Switched(message="Service Started Successfully")


@router.post("/license-manager/stop", openapi_extra=needs("admin"))
async def stop_license_manager(cluster: ClusterName, node: NodeName, tx: TransactionDep, limits: LimitsDep) -> Switched:
    """Stop the license manager, at once: from the answer on nothing of the cluster is checked out, checked in or changed (503) until it
    is started; devices keep their units, and no lease runs. One that is stopped stays as it is."""
    await switch_license_manager(tx, limits, cluster, node, "stop")
    return Switched(message="Service Successfully Stopped")


@router.post("/license-manager/restart", openapi_extra=needs("admin"))
async def restart_license_manager(cluster: ClusterName, node: NodeName, desks: DesksDep, tx: TransactionDep, limits: LimitsDep) -> Switched:
    """Finish what is queued for the cluster, then stop and start the license manager in one moment: whoever comes meanwhile waits and is
    served, and nobody is refused. One that is stopped is started."""
    await drain(desks, cluster)
    await switch_license_manager(tx, limits, cluster, node, "restart")
    return Switched(message="Service Successfully Restarted")
