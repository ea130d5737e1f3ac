"""Prometheus on the running product, every service a process of its own and some twice: what is shipped is scraped, alerts fire by
what callers do and by who is away, and every panel has something to show.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests import watching
from tests.house import eventually
from tests.prometheus import Prometheus, Sample, check_metrics, running_prometheus
from tests.rabbitmq import RabbitNode
from tests.system.installation import Installation
from tests.system.product import LicenseFile, Product, mac
from tests.unit.licensefile.made import FILE_ID, KEY, made_file, made_line

UNITS = 100
TWICE = {"ledger": 2, "alarms": 2, "gateway": 2}
"""What every replica reads from one store must be told once."""


@pytest.fixture(scope="module")
async def installation(rabbit: RabbitNode) -> AsyncIterator[Installation]:
    made = await Installation.make("customer", rabbit, replicas=TWICE)
    try:
        trusted = made.folder / "secrets" / "trusted-keys" / "vendor.pub"
        trusted.write_text(KEY.public_key().public_bytes_raw().hex() + "\n")
        await made.up()
        yield made
    finally:
        await made.remove()


@pytest.fixture(scope="module")
async def product(installation: Installation) -> AsyncIterator[Product]:
    """In overdraft; has refused a device and taken one back. There is no vendor: the one license file is made here."""
    key = {"Authorization": f"Bearer {installation.first_key.read_text().strip()}"}
    async with httpx.AsyncClient(base_url=installation.urls[0], headers=key, timeout=10) as admin:
        made = Product(admin, admin)
        await use_more_than_purchased(made)
        yield made


async def use_more_than_purchased(product: Product) -> None:
    await product.make_cluster("hq", mac(0))
    later = datetime.now(UTC).date() + timedelta(days=200)  # far enough to warn of nothing, and there to be measured
    nodes = made_line(1, feature="CCM_NODE", units=1, overdraft_units=0, mac=mac(0), expiry=later)
    content = made_file(nodes, made_line(2, units=UNITS, overdraft_units=5, mac=mac(0)))
    await product.install("hq", LicenseFile(FILE_ID, "hq.lic", content))
    answers = await asyncio.gather(*(product.put_device("hq", f"SEP{n:012X}", "cisco-7920") for n in range(UNITS // 4)))
    assert {answer.status_code for answer in answers} == {201}
    await product.remove_device("hq", f"SEP{0:012X}")
    assert (await product.put_device("hq", f"SEP{0:012X}", "cisco-7920")).status_code == 201
    assert (await product.put_device("hq", "SEP-lobby", "cisco-7902")).status_code == 201
    assert (await product.put_device("hq", "SEP-too-many", "cisco-7970")).status_code == 409


@pytest.fixture(scope="module")
async def prometheus(installation: Installation, product: Product, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    """Everything but the broker, which has no figures here."""
    targets = {name: [replica.url.removeprefix("http://") for replica in each] for name, each in installation.replicas.items()}
    with running_prometheus(tmp_path_factory.mktemp("watch") / "prometheus", targets) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            yield Prometheus(http)


async def test_every_replica_is_scraped(prometheus: Prometheus, installation: Installation) -> None:
    wanted = {name: len(each) for name, each in installation.replicas.items()}

    async def all_up() -> bool:
        return {sample["metric"]["job"]: int(sample["value"][1]) for sample in await prometheus.query("sum by (job) (up)")} == wanted

    await eventually(all_up, "every replica answers")
    measured = await prometheus.query("count by (job, service) (license_outbox_oldest_seconds)")
    assert {(each["metric"]["job"], each["metric"]["service"], int(each["value"][1])) for each in measured} == {
        (name, name, count) for name, count in wanted.items()
    }
    assert not [name for name in await prometheus.names() if name.endswith("_created")], "relabelling as shipped"


async def test_an_overdraft_fires_once_for_all_replicas_and_ends(prometheus: Prometheus, product: Product) -> None:
    async def fires() -> list[Sample]:
        return await prometheus.alerts("CiscoLicenseOverDraft", "firing")

    (alert,) = await eventually(fires, "the overdraft fires")
    assert alert["labels"] == {"alertname": "CiscoLicenseOverDraft", "cluster": "hq", "severity": "alert"}

    async def says_by_how_much() -> bool:
        """A moment later where the alarms were scraped before the ledger."""
        return [each["annotations"]["description"] for each in await fires()] == ["Cluster hq is in overdraft: PHONE_UNIT by 1."]

    await eventually(says_by_how_much, "and says by how much")
    assert len(await prometheus.alerts("CiscoLicenseApproachingLimit", "firing")) == 1
    assert len(await prometheus.alerts("CiscoLicenseRequestFailed", "firing")) == 1
    assert not await prometheus.alerts("CiscoLicenseFileError", "firing")
    await product.remove_device("hq", "SEP-lobby")

    async def silent() -> bool:
        return not await fires()

    await eventually(silent, "the alert ends with the overdraft")
    assert (await product.put_device("hq", "SEP-lobby", "cisco-7902")).status_code == 201
    await eventually(fires, "and fires again")


async def call_on(product: Product) -> None:
    """A rate needs somebody who calls."""
    assert (await product.put_device("hq", "SEP-lobby", "cisco-7902")).is_success


async def test_every_query_of_the_dashboard_returns_something(prometheus: Prometheus, product: Product) -> None:
    async def empty() -> list[str]:
        await call_on(product)
        return [title for title, query in watching.dashboard_queries() if not await prometheus.query(query)]

    async def none_empty() -> bool:
        return not await empty()

    try:
        await eventually(none_empty, "every panel has data")
    except AssertionError as error:
        raise AssertionError(f"panels without data: {await empty()}") from error


async def test_rules_are_evaluated_without_an_error(prometheus: Prometheus) -> None:
    async def all_evaluated() -> bool:
        return all(rule["health"] == "ok" for rule in await prometheus.rules())

    await eventually(all_evaluated, "every rule is evaluated")
    assert not [rule["name"] for rule in await prometheus.rules() if rule.get("lastError")]


async def test_every_name_in_rules_and_dashboard_exists(prometheus: Prometheus, product: Product) -> None:
    expressions = [rule["expr"] for rule in watching.rules()] + [query for _, query in watching.dashboard_queries()]
    wanted = set().union(*map(watching.metrics_in, expressions))
    assert {"license_units_used", "license_bus_connected", "service:license_requests:rate5m"} <= wanted

    async def all_exist() -> bool:
        await call_on(product)
        return wanted <= await prometheus.names()

    await eventually(all_exist, f"all of {sorted(wanted)}")


async def test_the_names_of_all_metrics_follow_the_rules(installation: Installation) -> None:
    for replicas in installation.replicas.values():
        await check_metrics(f"{replicas[0].url}/metrics")


async def test_who_is_away_is_told_of_by_absence(prometheus: Prometheus, installation: Installation) -> None:
    """Pending, because each waits for a while before it fires. The last test here: nobody starts the ledger again."""

    async def away() -> set[str]:
        return {alert["labels"]["job"] for alert in await prometheus.alerts("LicenseServiceAway", "pending")}

    assert await eventually(away, "somebody is away") == {"rabbitmq"}
    assert not await prometheus.alerts("CiscoLicenseManagerDown", "pending")
    for replica in installation.replicas["ledger"]:
        replica.kill()

    async def told() -> list[Sample]:
        return await prometheus.alerts("CiscoLicenseManagerDown", "pending")

    (alert,) = await eventually(told, "the ledger's absence is seen")
    assert alert["labels"]["seen_by"] == "prometheus"

    async def unreachable() -> set[str]:
        return {alert["labels"]["upstream"] for alert in await prometheus.alerts("LicenseUpstreamWithoutAddress", "pending")}

    assert await eventually(unreachable, "the gateway has no address of the ledger") == {"ledger"}
