"""Send a marked test alarm to one destination and wait for what happens. It is tried once, also outside of the destination's hours."""

from datetime import timedelta
from uuid import UUID, uuid4

from services.alarms.actions.deliver import Courier
from services.alarms.domain.catalogue import AlarmName, Catalogue
from services.alarms.domain.delivery import Delivery
from services.alarms.domain.message import Message
from services.alarms.store import deliveries, destinations
from shared.kit.database import Database
from shared.kit.problems import NotFound

_CLAIM = timedelta(minutes=2)


async def try_destination(database: Database, courier: Courier, catalogue: Catalogue, destination_id: UUID) -> Delivery:
    """The delivery, answered or given up. Raises NotFound. Two transactions of its own, with the sending between them."""
    kind = catalogue[AlarmName.OVERDRAFT]
    async with database.transaction() as tx:
        destination = await destinations.find(tx, destination_id)
        if destination is None:
            raise NotFound("alarm destination", str(destination_id))
        message = Message(
            delivery_id=uuid4(),
            occasion="test",
            at=tx.now,
            alarm_id=uuid4(),
            name=kind.name.value,
            severity=kind.severity,
            level=kind.level,
            cluster=None,
            subject="test",
            reason=f"this is a test that {tx.caller} asked for; nothing is wrong",
            recommended_action="Nothing is to be done",
            raised_at=tx.now,
            last_seen_at=tx.now,
            count=1,
        )
        delivery = Delivery(
            message=message,
            destination_id=destination_id,
            kind=destination.kind,
            target=destination.target,
            state="claimed",
            created_at=tx.now,
            not_before=tx.now + _CLAIM,
            attempts=1,
            claimed_at=tx.now,
        )
        await deliveries.add(tx, [delivery])
    return await courier.deliver(database, destination, delivery)
