"""Each of the seven alarms, and its end, reaches a receiver of each kind with the right severity."""

from typing import Any

from tests.faults.patience import until
from tests.faults.production import Production
from tests.system.alarms.everybody import Everybody, Told, create
from tests.system.alarms.seven import SEVERITIES, raise_and_clear
from tests.system.product import Product

SAY_THE_END_IS_GOOD_NEWS = {"syslog over udp", "syslog over tcp", "syslog over tls", "snmp v2c", "snmp v3"}
"""They have one severity for each message; the others tell the alarm's own beside what happened."""


def expected(way: str) -> set[Told]:
    raised = {(name, "raised", severity) for name, severity in SEVERITIES.items()}
    ends = "informational" if way in SAY_THE_END_IS_GOOD_NEWS else ""
    return raised | {(name, "cleared", ends or severity) for name, severity in SEVERITIES.items()}


async def test_each_of_the_seven_and_its_end_reaches_each_kind_with_its_severity(
    installation: Production, product: Product, told: Everybody
) -> None:
    made = {way: await create(product, body) for way, body in told.destinations.items()}
    readers = told.readers(installation.programs["alarms"].log)
    assert set(made) | {"event log", "rabbitmq"} == set(readers)
    before = {way: len(read()) for way, read in readers.items()}
    await raise_and_clear(installation, product)

    async def missing() -> dict[str, list[Told]]:
        found = {way: sorted(expected(way) - set(read()[before[way] :])) for way, read in readers.items()}
        return {way: pairs for way, pairs in found.items() if pairs}

    async def all_have_all() -> bool:
        return await missing() == {}

    try:
        await until(all_have_all, "everybody is told everything")
    except AssertionError as error:
        raise AssertionError(f"not everybody was told: {await missing()}") from error
    assert {way: set(read()[before[way] :]) - expected(way) for way, read in readers.items()} == {way: set() for way in readers}
    assert told.web.unverified == []
    assert told.mail.secured == [True] * len(told.mail.letters)
    await check_ledger(product, made)


async def check_ledger(product: Product, made: dict[str, str]) -> None:
    """Each delivery is a row: sent at the first attempt, with what the receiver said."""
    for way, destination_id in made.items():

        async def all_sent(destination_id: str = destination_id) -> list[dict[str, Any]]:
            rows = (await product.read("/v1/alarm-deliveries", destination_id=destination_id, limit="200"))["items"]
            return rows if {row["state"] for row in rows} == {"sent"} else []

        rows = await until(all_sent, f"all of {way} is sent")
        assert {row["attempts"] for row in rows} == {1}, way
        assert all(row["answer"] for row in rows), way
        assert {(row["name"], row["occasion"]) for row in rows} == {told[:2] for told in expected(way)}, way
