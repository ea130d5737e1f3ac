"""The events as a contract for programs that listen to the broker themselves: AsyncAPI 3.0, made from the same classes as the events."""

from collections.abc import Mapping
from inspect import getdoc
from typing import Any

from gateway.event_samples import envelope_schema_of, sample_of
from shared.contracts.base import Event
from shared.contracts.readers import SECONDS_TO_LIVE
from shared.kit.topology import EXCHANGE, EXCHANGE_TYPE

ASYNCAPI_VERSION = "3.0.0"
_ABOUT = f"""Facts of the licensing services. Each is a CloudEvents 1.0 envelope in JSON, published to the {EXCHANGE_TYPE} exchange
`{EXCHANGE}` with its type as routing key. Bind a queue of your own: `alarms.#` are all facts about alarms. A fact is published at least
once, in no particular order: `id` tells a repetition, and the `version` of a subject which of two facts is the later one. Members are
added to a version and never removed or renamed."""


def asyncapi_of(kinds: Mapping[str, type[Event]]) -> dict[str, Any]:
    """The document over event types by name. Every channel is a routing key; we send, others receive."""
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {"title": "CallManager licensing events", "version": "1", "description": " ".join(_ABOUT.split())},
        "defaultContentType": "application/json",
        "servers": {"broker": {"host": "rabbitmq:5672", "protocol": "amqp", "protocolVersion": "0-9-1"}},
        "channels": {name: _channel(name, kind) for name, kind in kinds.items()},
        "operations": {_operation(name): _sending(name) for name in kinds},
        "components": {"messages": {name: _message(name, kind) for name, kind in kinds.items()}},
    }


def _operation(name: str) -> str:
    """``alarms.alarm-raised.v1`` as ``sendAlarmsAlarmRaisedV1``."""
    return "send" + "".join(word.capitalize() for part in name.split(".") for word in part.split("-"))


def _channel(name: str, kind: type[Event]) -> dict[str, Any]:
    return {
        "address": name,
        "description": " ".join((getdoc(kind) or "").split()),
        "messages": {"fact": {"$ref": f"#/components/messages/{name}"}},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": EXCHANGE, "type": EXCHANGE_TYPE, "durable": True, "autoDelete": False, "vhost": "/"},
                "bindingVersion": "0.3.0",
            }
        },
    }


def _sending(name: str) -> dict[str, Any]:
    lives = SECONDS_TO_LIVE.get(name)
    of_amqp: dict[str, Any] = {"deliveryMode": 2, "bindingVersion": "0.3.0"}
    if lives is not None:
        of_amqp["expiration"] = int(lives * 1000)
    reference = {"$ref": f"#/channels/{name.replace('/', '~1')}"}
    return {
        "action": "send",
        "channel": reference,
        "messages": [{"$ref": f"#/channels/{name}/messages/fact"}],
        "bindings": {"amqp": of_amqp},
    }


def _message(name: str, kind: type[Event]) -> dict[str, Any]:
    schema = _inlined(envelope_schema_of(kind))
    del schema["$schema"]  # the format says it
    return {
        "name": name,
        "title": kind.__name__,
        "contentType": "application/json",
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": schema,
        },
        "examples": [{"name": "sample", "payload": sample_of(kind)}],
    }


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """With every definition in its place: within this document ``#/$defs`` would point to where nothing is. Ours refer to none in turn."""
    definitions = schema.pop("$defs", {})

    def resolved(part: Any) -> Any:
        if isinstance(part, list):
            return [resolved(one) for one in part]
        if not isinstance(part, dict):
            return part
        name = str(part.get("$ref", "")).removeprefix("#/$defs/")
        rest = {key: resolved(value) for key, value in part.items() if key != "$ref"}
        return {**resolved(definitions[name]), **rest} if "$ref" in part else rest

    inlined: dict[str, Any] = resolved(schema)
    return inlined
