"""Whether a cluster's license manager is started: the columns of its row. Who changes them holds the cluster and its pools."""

from typing import Any

from sqlalchemy import Row

from services.ledger.domain.network_service import NetworkService, check_started, stop_of
from services.ledger.tables import ClusterRow
from shared.kit.direct import Direct

_STATE = "SELECT service_stopped, service_version, service_since, service_by, service_node, license_manager FROM cluster WHERE cluster = $1"


def service_of(row: ClusterRow | Row[Any]) -> NetworkService:
    """The service as it is kept."""
    return NetworkService(row.service_version, row.service_stopped, row.service_since, row.service_by, row.service_node)


def values_of(service: NetworkService) -> dict[str, Any]:
    """Everything that is kept of it."""
    return {
        "service_version": service.version,
        "service_stopped": service.stopped,
        "service_since": service.since,
        "service_by": service.by,
        "service_node": service.node,
    }


async def check_cluster_started(direct: Direct, cluster: str) -> None:
    """Raises LicenseManagerStopped. It holds until the commit where the cluster's PHONE_UNIT pool was locked before."""
    row = await direct.row(_STATE, cluster)
    if row is not None and row["service_stopped"]:
        service = NetworkService(
            row["service_version"], stopped=True, since=row["service_since"], by=row["service_by"], node=row["service_node"]
        )
        check_started(stop_of(service, cluster, row["license_manager"]))
