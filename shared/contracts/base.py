"""The forms that every contract is made of: body, page, problem, event and the envelope in which an event travels."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class RequestBody(BaseModel):
    """What a caller sends. An unknown member is an error: a misspelt option must not be ignored in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AnswerBody(BaseModel):
    """What we answer. Members may be added; readers ignore what they do not know."""

    model_config = ConfigDict(extra="ignore", frozen=True)


T = TypeVar("T")


class Page(AnswerBody, Generic[T]):
    """One page of a listing; ``next_cursor`` is null on the last."""

    items: list[T]
    next_cursor: str | None = None


class Problem(BaseModel):
    """An error as RFC 9457 has it. ``type`` is stable; further members carry the numbers of the case."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"additionalProperties": True})

    type: str = Field(examples=["urn:licensing:problem:units-exhausted"])
    title: str
    status: int
    detail: str
    trace_id: str


class Event(BaseModel, ABC):
    """A fact in the past tense, owned by one service; its type is ``<owner>.<fact>.v<n>``.

    ``version`` is the version of the subject after the fact: a consumer that has seen a later one ignores an earlier one.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: ClassVar[str]

    @property
    @abstractmethod
    def subject(self) -> str:
        """What the fact is about, for people who read a log."""


EventType = Annotated[str, StringConstraints(pattern=r"^[a-z]+\.[a-z0-9-]+\.v[0-9]+$")]


class Envelope(BaseModel):
    """CloudEvents 1.0 in JSON: the attributes that every event carries, and its data."""

    model_config = ConfigDict(frozen=True, extra="allow")

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: str
    type: EventType
    subject: str
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    traceparent: str | None = None
    data: dict[str, Any]
