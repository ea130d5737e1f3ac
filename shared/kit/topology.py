"""What stands on the broker: one exchange, and for each service that reads the queues of its own. Pure data; nothing is connected here.

``topology_of(service, types)`` is what one reader needs and ``whole_topology()`` what all of them need, as ``Topology(queues, bindings)``:

- ``Queue(name, arguments)``: durable, not exclusive, not auto-delete; ``arguments`` hold ``x-queue-type`` too.
- ``Binding(queue, routing_key)``: from EXCHANGE (topic, durable) to the queue; the routing key is an event type in full.

A reader's queues: ``<service>`` for facts, ``<service>.dead`` for what could not be delivered, and ``<service>.urgent`` (only where it
reads an urgent type) for signs of life, which must not wait behind a backlog.

Must not be broken: a queue's arguments cannot be changed once it stands, and every one of them has to be legal on RabbitMQ 3.10 and 4.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from shared.contracts.readers import READERS, URGENT, types_read_by

EXCHANGE = "licensing.events"
EXCHANGE_TYPE = "topic"

REDELIVERIES = 1000
"""A process that dies with an event again and again dies so often; then the event is put aside for somebody to look at.

Not few: the broker counts whatever takes an event back, also one that nobody had begun with: a lost connection, a restart of its own,
half an hour without an acknowledgement while the reader's store is away, a replica that does not read the type."""

_NEVER_MANY = 1_000_000
"""RabbitMQ 4 would take 20, and 3.10 knows no word for none. What is urgent has no dead letters: late it is worth nothing."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue."""

    name: str
    arguments: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Binding:
    """A type of event that a queue is given."""

    queue: str
    routing_key: str


@dataclass(frozen=True, slots=True)
class Topology:
    """Queues, in an order in which they can be declared, and what they are given."""

    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]


def dead_queue(service: str) -> str:
    return f"{service}.dead"


def urgent_queue(service: str) -> str:
    return f"{service}.urgent"


def queue_for(service: str, event_type: str) -> str:
    """The queue of ``service`` that takes a type."""
    return urgent_queue(service) if event_type in URGENT else service


def queues_read_by(service: str, types: Collection[str]) -> tuple[str, ...]:
    """The queues that a service consumes from when it reads ``types``."""
    return tuple(sorted({queue_for(service, event_type) for event_type in types}))


def topology_of(service: str, types: Collection[str]) -> Topology:
    """What one service that reads ``types`` needs on the broker."""
    dead = Queue(dead_queue(service), {"x-queue-type": "quorum"})
    facts = Queue(
        service,
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": REDELIVERIES,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": dead.name,
            # Kept here until the dead letter queue has it; needs the overflow that refuses instead of dropping.
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )
    urgent = Queue(urgent_queue(service), {"x-queue-type": "quorum", "x-delivery-limit": _NEVER_MANY})
    queues = (dead, facts, urgent) if any(event_type in URGENT for event_type in types) else (dead, facts)
    return Topology(queues, tuple(Binding(queue_for(service, event_type), event_type) for event_type in sorted(types)))


def whole_topology() -> Topology:
    """What every service of ours that reads needs; the broker of the customer's side stands on it."""
    readers = sorted(set().union(*READERS.values()))
    parts = [topology_of(service, types_read_by(service)) for service in readers]
    return Topology(tuple(q for part in parts for q in part.queues), tuple(b for part in parts for b in part.bindings))
