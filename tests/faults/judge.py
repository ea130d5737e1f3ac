"""What must be so after every fault, seen through the public API: the callers' book against the product's.

Must not be broken: nothing here mends or waits for people. It waits for the product to settle by itself, and then compares exactly.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from tests.faults.load import Book
from tests.faults.patience import until
from tests.system.product import Body, Product

OVERDRAFT, APPROACHING = "CiscoLicenseOverDraft", "CiscoLicenseApproachingLimit"
RAISED_AT_PERCENT, CLEARED_AT_PERCENT = 98, 90
_PAGE = "200"


@dataclass
class Expected:
    """What one cluster must hold by the books: names and units."""

    held: dict[str, int] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    perhaps: dict[str, int] = field(default_factory=dict)

    def differences(self, actual: dict[str, int]) -> list[str]:
        """What the product says otherwise, one sentence each."""
        found = [f"{name}: acknowledged and lost" for name in self.held.keys() - actual.keys()]
        found += [f"{name}: checked in by acknowledgement and still held" for name in self.gone & actual.keys()]
        found += [f"{name}: nobody asked for it" for name in actual.keys() - self.held.keys() - self.perhaps.keys() - self.gone]
        known = {**self.held, **self.perhaps}
        found += [f"{name}: holds {units}, asked {known[name]}" for name, units in actual.items() if known.get(name, units) != units]
        return sorted(found)


def expected_of(cluster: str, always: dict[str, int], books: Iterable[Book]) -> Expected:
    """The books of one cluster put together; ``always``: what it held before them."""
    expected = Expected(held=dict(always))
    for book in books:
        expected.held |= {name: units for (of, name), units in book.held.items() if of == cluster}
        expected.gone |= {name for of, name in book.gone if of == cluster}
        expected.perhaps |= {name: units for (of, name), units in book.open.items() if of == cluster}
    return expected


async def every(product: Product, path: str, **query: str) -> list[Body]:
    """All items of a listing, page by page."""
    items: list[Body] = []
    cursor: dict[str, str] = {}
    while True:
        page = await product.read(path, limit=_PAGE, **query, **cursor)
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = {"cursor": page["next_cursor"]}


async def holdings(product: Product, cluster: str) -> dict[str, int]:
    """Units of each device that the cluster holds; a device that is listed twice is held twice."""
    items = await every(product, f"/v1/clusters/{cluster}/devices")
    names = [item["device"] for item in items]
    assert len(names) == len(set(names)), f"{cluster} lists a device twice"
    return {item["device"]: item["units"] for item in items}


async def check_holdings(product: Product, cluster: str, expected: Expected) -> None:
    """Every acknowledged check-out is held once with its units, every acknowledged check-in is not, and all sums agree."""
    actual = await holdings(product, cluster)
    assert expected.differences(actual) == [], f"{cluster} differs from what was acknowledged"
    report = await product.read(f"/v1/clusters/{cluster}/unit-report")
    used = next(each["used"] for each in report["features"] if each["feature"] == "PHONE_UNIT")
    assert used == sum(actual.values()), f"{cluster}: the pool says {used}, its holdings {sum(actual.values())}"
    by_type = sum(each["units"] for each in report["device_types"])
    assert by_type == used, f"{cluster}: the pool says {used}, its device types {by_type}"


async def check_alarms_agree(product: Product, cluster: str) -> None:
    """The alarms' picture of a pool, which events drew, is the ledger's own: whether it is overdrawn, and by which numbers."""
    seen = ""

    async def agree() -> bool:
        nonlocal seen
        pool = await product.pool(cluster)
        subject = f"{cluster}/PHONE_UNIT"
        over = [alarm["reason"] for alarm in await product.alarms(OVERDRAFT, subject) if alarm["state"] != "cleared"]
        near = [alarm["reason"] for alarm in await product.alarms(APPROACHING, subject) if alarm["state"] != "cleared"]
        seen = f"{pool}; overdraft {over}; approaching {near}"
        if len(over) != (pool["overdraft"] > 0) or (over and _numbers(pool) not in over[0]):
            return False
        percent = 100 * pool["used"] / pool["authorized"]
        return bool(near) if percent >= RAISED_AT_PERCENT else not near if percent <= CLEARED_AT_PERCENT else len(near) <= 1

    try:
        await until(agree, f"the alarms about {cluster} agree with its pool")
    except AssertionError as error:
        error.add_note(seen)
        raise


def _numbers(pool: Body) -> str:
    """The numbers of a pool in an alarm's words: 5010 as ``5 010``."""
    return f"{pool['used']:,} used of {pool['authorized']:,} authorized".replace(",", " ")


async def check_raised_once(product: Product, cluster: str, known: Collection[str], entered_at_most: int) -> None:
    """No transition counted twice: the alarms about the pool that are not ``known`` were seen at most as often as it was entered.

    One alarm may count two of them, where the end of the first was overtaken by the second.
    """
    fresh = [alarm for alarm in await every(product, "/v1/alarms", name=OVERDRAFT, cluster=cluster) if alarm["alarm_id"] not in known]
    seen = sum(alarm["count"] for alarm in fresh)
    assert 0 < seen <= entered_at_most, f"overdraft was seen {seen} times and entered {entered_at_most} times at most"


async def check_in_all(product: Product, cluster: str, keep: dict[str, int]) -> None:
    """Give back what a case left, so that the next one begins as this one did."""
    for device in (await holdings(product, cluster)).keys() - keep.keys():
        await product.remove_device(cluster, device)
