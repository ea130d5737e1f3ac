"""The license manager of a cluster is started, stopped or restarted."""

from dataclasses import replace

from services.ledger.actions.record_change import origin_of, record_change
from services.ledger.actions.settle_batch import Desks, Several
from services.ledger.domain.network_service import Switch, check_holder, switched
from services.ledger.domain.transitions import Limits
from services.ledger.store import clusters, journal
from shared.contracts.events.ledger import LicenseManagerStarted, LicenseManagerStopped
from shared.kit.logs import log_of
from shared.kit.problems import NotFound
from shared.kit.trace import current_trace
from shared.kit.transaction import Transaction

_log = log_of("control-center")


async def drain(desks: Desks, cluster: str) -> None:
    """Wait until what this process has queued for the cluster so far is settled. Raises NotFound, Busy."""
    await desks.ask(cluster, Several(()))


async def switch_license_manager(tx: Transaction, limits: Limits, cluster: str, node: str, switch: Switch) -> None:
    """Nothing happens where it is as wanted already. Raises NotFound (cluster or node), LicenseManagerElsewhere.

    Whoever decides about units meanwhile did not lock the pool before and meets the entry in the journal, or waits for the lock and
    reads what is committed here: after the commit nobody acts upon the state before it.
    """
    before = await clusters.lock(tx, cluster)
    if all(one.node != node for one in before.nodes):
        raise NotFound("node", node)
    check_holder(cluster, node, before.license_manager)
    at = (await journal.pen_for(await tx.direct(), cluster)).at
    by = origin_of(current_trace()).caller
    service = switched(before.service, switch, at, by, node)
    _log.info("license-manager-switched", cluster=cluster, node=node, switch=switch, changed=service != before.service)
    if service == before.service:
        return
    await record_change(tx, limits, before, replace(before, service=service))
    fact = LicenseManagerStopped if service.stopped else LicenseManagerStarted
    tx.publish(fact(cluster=cluster, node=node, by=by, at=at, version=service.version))
