"""Events as they travel: every type that there is, its schema, and a sample made of nothing but its fields' kinds.

A committed sample is history: it shows what was once on the bus, so it is written once and never made anew.
"""

import types
from collections.abc import Iterator
from datetime import UTC, date, datetime
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel

from shared.contracts import events
from shared.contracts.base import Envelope, Event

_MOMENT = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
_ID = UUID("5b8a1f9e-6d0c-4c52-9a3e-2f6b1c7d8e90")
_TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_PLAIN: dict[Any, Any] = {int: 7, float: 1.5, bool: True, datetime: _MOMENT, date: _MOMENT.date(), UUID: _ID}


def event_types() -> dict[str, type[Event]]:
    """Every event type that a module of the contracts defines, by its name."""
    for module in iter_modules(events.__path__, f"{events.__name__}."):
        import_module(module.name)
    named = [kind for kind in _descendants(Event) if "type" in vars(kind)]  # type: ignore[type-abstract]  # only its children are wanted
    return {kind.type: kind for kind in sorted(named, key=lambda kind: kind.type)}


def _descendants(kind: type[Event]) -> Iterator[type[Event]]:
    for child in kind.__subclasses__():
        if child.__module__.startswith(events.__name__):  # tests define others
            yield child
        yield from _descendants(child)


def envelope_schema_of(kind: type[Event]) -> dict[str, Any]:
    """JSON Schema of the event in its envelope."""
    schema = Envelope.model_json_schema()
    data = kind.model_json_schema()
    definitions = {**schema.pop("$defs", {}), **data.pop("$defs", {})}
    properties = {**schema["properties"], "type": {"const": kind.type}, "data": data}
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": kind.type, "description": kind.__doc__}
    return {**described, "properties": properties, **({"$defs": definitions} if definitions else {})}


def sample_of(kind: type[Event]) -> dict[str, Any]:
    """The event in its envelope, with a plausible value in every field."""
    event = kind.model_validate(_fields_of(kind))
    envelope = Envelope(
        id=_ID,
        source=f"/{kind.type.split('.')[0]}",
        type=kind.type,
        subject=event.subject,
        time=_MOMENT,
        traceparent=_TRACEPARENT,
        data=event.model_dump(mode="json"),
    )
    return envelope.model_dump(mode="json")


def _fields_of(kind: type[BaseModel]) -> dict[str, Any]:
    return {name: _value(field.annotation, name) for name, field in kind.model_fields.items()}


def _value(kind: Any, name: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _value(arguments[0], name)
    if origin is Literal:
        return arguments[0]
    if origin in (Union, types.UnionType):
        return _value(next(one for one in arguments if one is not type(None)), name)
    if origin in (list, tuple, set, frozenset):
        return [_value(arguments[0], name)]
    if origin is dict:
        return {_value(arguments[0], "key"): _value(arguments[1], name)}
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _fields_of(kind)
    return _PLAIN.get(kind, f"a {name.replace('_', ' ')}")
