"""The ledger's HTTP doors."""

from typing import Annotated

from fastapi import Depends, Path, Request

from services.ledger.actions.settle_batch import Desks
from services.ledger.domain.transitions import Limits
from shared.contracts.fields import Name
from shared.kit.batches import Batches

ClusterName = Annotated[Name, Path(description="The cluster's name.")]


async def _limits(request: Request) -> Limits:  # async, or each request would go through a thread for it
    found = request.app.state.limits
    assert isinstance(found, Limits)
    return found


LimitsDep = Annotated[Limits, Depends(_limits)]


async def _desks(request: Request) -> Desks:
    found = request.app.state.desks
    assert isinstance(found, Batches)
    return found


DesksDep = Annotated[Desks, Depends(_desks)]
