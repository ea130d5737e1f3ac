"""Bodies of Control Center - Network Services."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.contracts.base import AnswerBody

SwitchMessage = Literal["Service Started Successfully", "Service Successfully Stopped", "Service Successfully Restarted"]


class NetworkServiceBody(AnswerBody):
    """A network service as it stands on one node. On nodes that do not hold the role of license manager it is stopped."""

    service: Literal["license-manager"] = "license-manager"
    name: Literal["Cisco License Manager"] = "Cisco License Manager"
    group: Literal["Platform Services"] = "Platform Services"
    status: Literal["started", "stopped"]
    since: datetime | None = Field(description="Since when its cluster's is as it is; null on a node that does not hold the role.")
    by: str | None = Field(default=None, description="Who switched it last; null where nobody did.")


class Switched(AnswerBody):
    """What became of a start, a stop or a restart, in the words of the field."""

    message: SwitchMessage
