"""RabbitMQ stops. No event can say so, and everybody is told nevertheless: of its absence, and of its return."""

from tests.faults.patience import until
from tests.faults.production import Production
from tests.system.alarms.everybody import Everybody, create
from tests.system.product import Product

NAME, DOWN = "CiscoLicenseInternalError", "CiscoLicenseManagerDown"
WAYS = ("syslog over tcp", "snmp v2c", "email", "webhook")


async def test_a_broker_that_stops_is_told_without_it_and_its_return_too(
    installation: Production, product: Product, told: Everybody
) -> None:
    readers = told.readers(installation.programs["alarms"].log)
    before = {way: len(readers[way]()) for way in WAYS}
    made = [await create(product, {**told.destinations[way], "alarms": [NAME]}) for way in WAYS]

    async def all_hear(occasion: str) -> None:
        async def who_did() -> bool:
            return all(occasion in [heard for _, heard, _ in readers[way]()[before[way] :]] for way in WAYS)

        await until(who_did, f"everybody is told {occasion}")

    try:
        await installation.broker.stop_app()
        try:
            alarm_id = await until(lambda: standing(product), "the broker is missed")
            await all_hear("raised")
            assert (await product.read("/v1/alarms", state="active", name=DOWN))["items"] == [], "a ledger that answers is not down"
        finally:
            await installation.broker.start_app()
        await all_hear("cleared")
        for destination_id in made:
            await until(lambda one=destination_id: was_told(product, alarm_id, one), "each is written down as sent")  # type: ignore[misc]
    finally:
        for destination_id in made:
            await product.admin.delete(f"/v1/alarm-destinations/{destination_id}")


async def standing(product: Product) -> str:
    """The id of the alarm about the broker; none where there is none."""
    items = (await product.read("/v1/alarms", state="active", name=NAME))["items"]
    return next((one["alarm_id"] for one in items if one["subject"] == "broker"), "")


async def was_told(product: Product, alarm_id: str, destination_id: str) -> bool:
    rows = (await product.read("/v1/alarm-deliveries", alarm_id=alarm_id, destination_id=destination_id))["items"]
    return [(row["occasion"], row["state"]) for row in rows] == [("cleared", "sent"), ("raised", "sent")]
