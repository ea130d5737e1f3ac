"""A reconciliation is asked to be applied, or taken back; asked again, nothing more happens."""

from typing import Literal

from services.ledger.domain.inventory import ReconciliationConflict, ReconciliationUnderWay
from services.ledger.domain.reconciliation import State
from services.ledger.store import network_services, reconciliations
from shared.kit.database import Database
from shared.kit.problems import NotFound
from shared.kit.trace import current_trace

Asked = Literal["apply", "revert"]
_FROM: dict[Asked, State] = {"apply": "compared", "revert": "applied"}
_TO: dict[Asked, State] = {"apply": "applying", "revert": "reverting"}
_DONE: dict[Asked, State] = {"apply": "applied", "revert": "reverted"}


async def ask_reconciliation(database: Database, cluster: str, reconciliation_id: str, asked: Asked) -> None:
    """Raises NotFound, LicenseManagerStopped, ReconciliationConflict, ReconciliationUnderWay (another one of the cluster)."""
    async with database.direct() as tx:
        await reconciliations.lock(tx, cluster)
        one = await reconciliations.find(tx, cluster, reconciliation_id)
        if one is None:
            raise NotFound("reconciliation", reconciliation_id)
        if one.state in {_TO[asked], _DONE[asked]}:
            return
        if one.state != _FROM[asked]:
            raise ReconciliationConflict(reconciliation_id, one.state, asked)
        if found := await reconciliations.at_work(tx, cluster):
            raise ReconciliationUnderWay(*found)
        await network_services.check_cluster_started(tx, cluster)
        await reconciliations.enter(tx, reconciliation_id, _TO[asked], current_trace(), _FROM[asked])
