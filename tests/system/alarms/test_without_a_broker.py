"""RabbitMQ stops. No event can say so, and everybody is told nevertheless: of its absence, and of its return."""

from tests.faults.patience import until
from tests.faults.production import Production
from tests.system.alarms.everybody import Everybody, create
from tests.system.product import Product

NAME = "CiscoLicenseInternalError"
WAYS = ("syslog over tcp", "snmp v2c", "email", "webhook")


async def test_a_broker_that_stops_is_told_without_it_and_its_return_too(
    installation: Production, product: Product, told: Everybody
) -> None:
    readers = told.readers(installation.programs["alarms"].log)
    before = {way: len(readers[way]()) for way in WAYS}
    made = [await create(product, {**told.destinations[way], "alarms": [NAME]}) for way in WAYS]

    async def heard(*occasions: str) -> None:
        async def look() -> bool:
            return all([occasion for _, occasion, _ in readers[way]()[before[way] :]] == [*occasions] for way in WAYS)

        await until(look, f"each is told {occasions}")

    try:
        await installation.broker.stop_app()
        try:
            await heard("raised")
            standing = (await product.read("/v1/alarms", state="active"))["items"]
            assert [(one["name"], one["subject"]) for one in standing] == [(NAME, "broker")], "a ledger that answers is not down"
        finally:
            await installation.broker.start_app()
        await heard("raised", "cleared")
    finally:
        for destination_id in made:
            await product.admin.delete(f"/v1/alarm-destinations/{destination_id}")
