"""What a webhook is told, signed by the scheme of Standard Webhooks. No I/O."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from standardwebhooks.webhooks import Webhook

from services.alarms.domain.message import Message


def body(message: Message) -> str:
    """JSON: the type says why, the data are all members of the message; ``urgency`` and ``headline`` are what the other kinds tell."""
    data = {member.name: _plain(getattr(message, member.name)) for member in fields(message)}
    told = {
        "type": f"alarm.{message.occasion}",
        "timestamp": _plain(message.at),
        "data": {**data, "urgency": message.urgency, "headline": message.headline},
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def headers(message: Message, text: str, secrets: Sequence[str], now: datetime) -> Mapping[str, str]:
    """One signature for each secret, so that a receiver may change to the new one at any moment. The id is the same at every attempt."""
    message_id = str(message.delivery_id)
    signatures = [Webhook(secret).sign(message_id, now, text) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, UUID) else value
