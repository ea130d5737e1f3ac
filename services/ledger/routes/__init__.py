"""The ledger's HTTP doors."""

from typing import Annotated

from fastapi import Depends, Path, Request

from services.ledger.domain.transitions import Limits
from shared.contracts.fields import Name

ClusterName = Annotated[Name, Path(description="The cluster's name.")]


async def _limits(request: Request) -> Limits:  # async, or each request would go through a thread for it
    found = request.app.state.limits
    assert isinstance(found, Limits)
    return found


LimitsDep = Annotated[Limits, Depends(_limits)]
