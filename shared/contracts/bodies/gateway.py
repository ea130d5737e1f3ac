"""Bodies of the gateway: the callers that it knows."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.contracts.base import AnswerBody, RequestBody
from shared.contracts.fields import Name

CallerScope = Literal["viewer", "operator", "admin", "vendor"]


class NewCaller(RequestBody):
    """A caller to be known from now on, and what it may do: viewer < operator < admin; vendor stands apart."""

    caller: Name = Field(examples=["provisioning"])
    scope: CallerScope


class CallerBody(AnswerBody):
    """A caller. Its key is known to itself alone."""

    caller: str
    scope: CallerScope
    created_at: datetime
    created_by: str


class CreatedCaller(CallerBody):
    """A new caller and its key, which is shown this once: what is kept of it cannot be turned back into it."""

    key: str = Field(examples=["lk_…"])
