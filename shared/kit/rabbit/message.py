"""An envelope as a message: CloudEvents in the structured mode, the event's type as routing key.

Must not be broken: a broker's rights tell who may publish under which routing key, and nothing of the body. What is received counts only
when the body says the same type as the key, and the key's owner as its source.
"""

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage
from pydantic import ValidationError

from shared.contracts.base import Envelope
from shared.contracts.readers import SECONDS_TO_LIVE

CONTENT_TYPE = "application/cloudevents+json"


class NotAnEvent(Exception):
    """The message is no event of its key's owner; the text tells what is wrong with it, without its content."""


def message_of(envelope: Envelope) -> Message:
    """The message that carries an envelope."""
    return Message(
        envelope.model_dump_json(exclude_none=True).encode(),
        content_type=CONTENT_TYPE,
        delivery_mode=DeliveryMode.PERSISTENT,
        expiration=SECONDS_TO_LIVE.get(envelope.type),
        headers={"traceparent": envelope.traceparent} if envelope.traceparent else {},
        message_id=str(envelope.id),
        timestamp=envelope.time,
        type=envelope.type,
    )


def envelope_in(message: AbstractIncomingMessage) -> Envelope:
    """The envelope that a message carries. Raises NotAnEvent."""
    try:
        envelope = Envelope.model_validate_json(message.body)
    except ValidationError as error:
        places = ", ".join(sorted({".".join(map(str, fault["loc"])) or "body" for fault in error.errors()}))
        raise NotAnEvent(f"not an envelope: {places}") from None
    key = message.routing_key or ""
    if envelope.type != key:
        raise NotAnEvent("its type is not its routing key")
    if envelope.source != f"/{key.partition('.')[0]}":
        raise NotAnEvent("its source is not the owner of its type")
    return envelope
