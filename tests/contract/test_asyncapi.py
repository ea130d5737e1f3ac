"""The AsyncAPI document says of every event what the bus really does, and nothing in it points to nowhere."""

import json
from typing import Any

from gateway.event_samples import event_types
from gateway.published import FOLDER
from shared.contracts.base import Envelope
from shared.kit.topology import EXCHANGE, EXCHANGE_TYPE

DOCUMENT: dict[str, Any] = json.loads((FOLDER / "asyncapi.json").read_text("utf-8"))


def _references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for value in part.values() for found in _references(value)]
    return [found for value in part for found in _references(value)] if isinstance(part, list) else []


def test_every_reference_leads_somewhere() -> None:
    found = _references(DOCUMENT)
    assert found
    for reference in found:
        assert reference.startswith("#/"), reference
        place: Any = DOCUMENT
        for step in reference[2:].split("/"):
            place = place[step.replace("~1", "/").replace("~0", "~")]


def test_every_event_type_is_a_channel_of_the_exchange_with_its_type_as_routing_key() -> None:
    assert set(DOCUMENT["channels"]) == set(event_types())
    for name, channel in DOCUMENT["channels"].items():
        assert channel["address"] == name
        assert channel["description"]
        assert channel["bindings"]["amqp"]["exchange"]["name"] == EXCHANGE
        assert channel["bindings"]["amqp"]["exchange"]["type"] == EXCHANGE_TYPE
    channels = {operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values()}
    assert channels == {f"#/channels/{name}" for name in event_types()}


def test_every_message_is_shown_by_a_sample_of_which_its_schema_knows_every_member() -> None:
    for name, message in DOCUMENT["components"]["messages"].items():
        (example,) = message["examples"]
        envelope = Envelope.model_validate(example["payload"])
        assert envelope.type == name
        schema = message["payload"]["schema"]
        assert set(example["payload"]) <= set(schema["properties"])
        assert set(envelope.data) <= set(schema["properties"]["data"]["properties"])
