"""Facts of the ledger: clusters, pools and what was refused."""

from datetime import datetime
from typing import ClassVar, Literal

from shared.contracts.base import AnswerBody, Event

PoolStatus = Literal["within", "overdraft", "exhausted", "beyond_allowance"]
OverdraftStage = Literal["notice", "minor", "major", "critical"]
"""How long an overdraft has lasted, by the ladder of its cluster."""


class ClusterNode(AnswerBody):
    """A call-processing server; ``mac`` is 12 upper-case hexadecimal digits."""

    node: str
    mac: str
    first: bool


class ClusterChanged(Event):
    """The cluster as it is from ``version`` on: its product version and all its nodes."""

    type: ClassVar[str] = "ledger.cluster-changed.v1"

    cluster: str
    version: int
    product_version: str
    nodes: list[ClusterNode]
    license_manager: str | None = None

    @property
    def subject(self) -> str:
        return self.cluster


class NetworkServiceEvent(Event):
    """The license manager of a cluster was started or stopped: on which node, by whom. ``version``: how often it was switched."""

    cluster: str
    node: str
    by: str
    at: datetime
    version: int

    @property
    def subject(self) -> str:
        return f"{self.cluster}/license-manager"


class LicenseManagerStopped(NetworkServiceEvent):
    """Until it is started nothing of the cluster is checked out, checked in or changed."""

    type: ClassVar[str] = "ledger.license-manager-stopped.v1"


class LicenseManagerStarted(NetworkServiceEvent):
    """It was started, or restarted."""

    type: ClassVar[str] = "ledger.license-manager-started.v1"


class PoolEvent(Event):
    """What every fact about a pool carries: the pool as it is after the fact, in units (for CCM_NODE, nodes).

    ``stage``: that of its overdraft; of PHONE_UNIT only, and null outside of overdraft.
    """

    cluster: str
    feature: str
    version: int
    authorized: int
    overdraft_allowed: int
    used: int
    at: datetime
    stage: OverdraftStage | None = None

    @property
    def subject(self) -> str:
        return f"{self.cluster}/{self.feature}"


class PoolChanged(PoolEvent):
    """The pool changed; one fact for each committed batch."""

    type: ClassVar[str] = "ledger.pool-changed.v1"

    status: PoolStatus


class OverdraftEntered(PoolEvent):
    """More is in use than was purchased."""

    type: ClassVar[str] = "ledger.overdraft-entered.v1"


class OverdraftStageReached(PoolEvent):
    """An overdraft lasts long enough for its next stage, or another policy put it on another one; PHONE_UNIT only.

    ``since``: when it began. ``allowance``: what is left of ``overdraft_allowed``; ``stopped``: nothing new is checked out beyond
    what is authorized.
    """

    type: ClassVar[str] = "ledger.overdraft-stage-reached.v1"

    since: datetime
    allowance: int
    stopped: bool


class OverdraftLeft(PoolEvent):
    """What is in use fits what was purchased again."""

    type: ClassVar[str] = "ledger.overdraft-left.v1"


class LimitApproached(PoolEvent):
    """Use reached the raising share of what is authorized (98 % by default); PHONE_UNIT only."""

    type: ClassVar[str] = "ledger.limit-approached.v1"


class LimitReceded(PoolEvent):
    """Use fell to the clearing share of what is authorized (90 % by default)."""

    type: ClassVar[str] = "ledger.limit-receded.v1"


class RequestRefused(PoolEvent):
    """A check-out was refused. ``rule`` is the slug of the problem answered; only ``units-exhausted`` concerns the pool's size.

    ``count``: how many were refused so in one batch, of one caller or of several; ``name`` is the first of them.
    """

    type: ClassVar[str] = "ledger.request-refused.v1"

    name: str
    asked: int
    free: int
    rule: str
    detail: str
    count: int = 1


class GrantsChanged(Event):
    """The ledger granted a license file's lines, or took them back; ``version`` is that of the file's state it answers."""

    type: ClassVar[str] = "ledger.grants-changed.v1"

    cluster: str
    license_file_id: str
    version: int
    granted: bool
    at: datetime

    @property
    def subject(self) -> str:
        return f"{self.cluster}/{self.license_file_id}"


class JournalHeadPublished(Event):
    """The journal of a cluster has this head: who keeps it elsewhere can prove later that no entry up to it was changed."""

    type: ClassVar[str] = "ledger.journal-head-published.v1"

    cluster: str
    entries: int
    head: str
    at: datetime

    @property
    def subject(self) -> str:
        return self.cluster
