"""Where a message goes: one class a kind (forms.py), and how a target is written (text.py). Pure: nothing is resolved or connected here."""

from services.alarms.domain.targets.forms import (
    KINDS,
    EmailTarget,
    InvalidTarget,
    Kind,
    Options,
    SnmpTarget,
    SyslogTarget,
    Target,
    WebhookTarget,
    authority,
)
from services.alarms.domain.targets.text import parse_target

__all__ = [
    "KINDS",
    "EmailTarget",
    "InvalidTarget",
    "Kind",
    "Options",
    "SnmpTarget",
    "SyslogTarget",
    "Target",
    "WebhookTarget",
    "authority",
    "parse_target",
]
