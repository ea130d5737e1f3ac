"""What one side's broker starts with: a user for each service, the exchange and the queues, and who may do what with them.

    definitions({"ledger": "…", "licensefile": "…", "calculator": "…", "alarms": "…"})   # the customer's side; a dict
    write_definitions(Path("definitions.json"), passwords)                               # what rabbitmq.conf's load_definitions reads

A user is a service. It publishes to the one exchange, and there only facts of its own (`ledger.…`): whoever has the ledger's password
can tell nobody that a license file was installed. It reads its own queues, and configures nothing: all there is stands here.

Must not be broken: a hash, not a password, stands in the file; everything is legal on RabbitMQ 3.10 and 4.
"""

import base64
import hashlib
import json
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.contracts.readers import READERS
from shared.kit.topology import EXCHANGE, EXCHANGE_TYPE, Binding, Topology, whole_topology

CUSTOMER = "licensing"
VENDOR = "vendor"
_OF_THE_VENDOR = frozenset({"registration"})

Definitions = dict[str, list[dict[str, Any]]]


def vhost_of(service: str) -> str:
    """Where a service's user may work."""
    return VENDOR if service in _OF_THE_VENDOR else CUSTOMER


def definitions(passwords: Mapping[str, str]) -> Definitions:
    """The definitions for the services in ``passwords``; each writes and reads in the virtual host of its side only.

    Raises ValueError where a service of the customer's side is there and one that must hear of it is not: its queue would fill for ever.
    """
    vhosts = sorted({vhost_of(service) for service in passwords})
    if CUSTOMER in vhosts and (missing := set().union(*READERS.values()) - passwords.keys()):
        raise ValueError(f"no password for {', '.join(sorted(missing))}")
    topology = whole_topology() if CUSTOMER in vhosts else Topology((), ())
    return {
        "users": [_user(service, password) for service, password in passwords.items()],
        "vhosts": [{"name": vhost} for vhost in vhosts],
        "permissions": [_permission(service) for service in passwords],
        "topic_permissions": [_topic_permission(service) for service in passwords],
        "exchanges": [_standing(EXCHANGE, vhost, {}, type=EXCHANGE_TYPE, internal=False) for vhost in vhosts],
        "queues": [_standing(queue.name, CUSTOMER, queue.arguments) for queue in topology.queues],
        "bindings": [_binding(binding) for binding in topology.bindings],
    }


def write_definitions(path: Path, passwords: Mapping[str, str], mode: int = 0o600) -> None:
    """Write them to ``path``, whole or not at all. The broker's account must be able to read the file: that is what ``mode`` is for."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(definitions(passwords), file, indent=1)
        file.write("\n")
        file.flush()
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    draft.rename(path)


def _user(service: str, password: str) -> dict[str, Any]:
    """RabbitMQ's own form: the salt, then SHA-256 over salt and password."""
    if not password:
        raise ValueError(f"the password of {service} is empty")
    salt = secrets.token_bytes(4)
    hashed = base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
    return {"name": service, "password_hash": hashed, "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": [], "limits": {}}


def _permission(service: str) -> dict[str, str]:
    own = re.escape(service)
    rights = {"configure": "^$", "write": f"^{re.escape(EXCHANGE)}$", "read": rf"^{own}(\.dead|\.urgent)?$"}
    return {"user": service, "vhost": vhost_of(service), **rights}


def _topic_permission(service: str) -> dict[str, str]:
    """By the routing key, which is the fact's type; nobody binds, so nothing may be read by it."""
    return {"user": service, "vhost": vhost_of(service), "exchange": EXCHANGE, "write": rf"^{re.escape(service)}\.", "read": "^$"}


def _standing(name: str, vhost: str, arguments: Mapping[str, Any], **more: object) -> dict[str, Any]:
    return {"name": name, "vhost": vhost, "durable": True, "auto_delete": False, "arguments": dict(arguments), **more}


def _binding(binding: Binding) -> dict[str, Any]:
    where = {"source": EXCHANGE, "vhost": CUSTOMER, "destination": binding.queue, "destination_type": "queue"}
    return {**where, "routing_key": binding.routing_key, "arguments": {}}
