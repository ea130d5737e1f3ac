"""Add a local device type or change one. The vendor's own prices are not the customer's to change."""

from services.calculator import store
from services.calculator.actions.publish_catalogue import publish
from services.calculator.domain.catalogue import LOCAL_SOURCE, DeviceType, ShippedDeviceType
from shared.contracts.bodies.calculator import NewDeviceType
from shared.kit.transaction import Transaction


async def add_local_type(tx: Transaction, name: str, wanted: NewDeviceType) -> tuple[DeviceType, bool]:
    """The type as stored, and whether it is new. Raises ShippedDeviceType."""
    await store.shipped_digest(tx)  # the lock under which versions are counted
    known = await store.find(tx, name)
    if known and known.shipped:
        raise ShippedDeviceType(name, known.units)
    added = DeviceType(
        device_type=name,
        label=wanted.label or name,
        model_code=wanted.model_code,
        units=wanted.units,
        adjunct_units=None,
        provisional=False,
        source=LOCAL_SOURCE,
        shipped=False,
    )
    if added != known:
        await store.save(tx, [added])
        await publish(tx)
    return added, known is None
