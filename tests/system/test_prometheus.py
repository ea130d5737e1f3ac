"""Prometheus on a running product: what is shipped is scraped, alerts fire by what callers do, and every panel has something to show.

An embedded instance stands for all services; each job is shown only the series that its service would show in a process of its own.
"""

import asyncio
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator

import httpx
import pytest

from tests import watching
from tests.house import eventually
from tests.prometheus import Prometheus, Sample, Target, debians, running_prometheus
from tests.system.instance import Place, started
from tests.system.product import Product, mac, users_of

UNITS = 100
ELSEWHERE = {"license_dead_letters", "license_bus_connected", "license_upstream_healthy_addresses"}
"""Shown by processes that have a broker and forward: an embedded instance has neither."""

OWN = {
    "ledger": "ledger;.*|;license_units_.*",
    "licensefile": "licensefile;.*",
    "calculator": "calculator;.*",
    "alarms": "alarms;.*|;license_alarms_.*",
    "gateway": "(gateway|entrance);.*|;license_upstream_.*",
}


@pytest.fixture(scope="module")
async def product(shared_place: Place) -> AsyncIterator[Product]:
    with started(shared_place):
        async with users_of(shared_place) as made:
            yield made


@pytest.fixture(scope="module")
async def prometheus(product: Product, shared_place: Place, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    """Watching a product that is in overdraft, has refused a device and given one back."""
    targets = {job: Target(f"127.0.0.1:{shared_place.port}", own) for job, own in OWN.items()}
    with running_prometheus(tmp_path_factory.mktemp("watch") / "prometheus", targets) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            await use_more_than_purchased(product)
            yield Prometheus(http)


async def use_more_than_purchased(product: Product) -> None:
    await product.make_cluster("hq", mac(0))
    await product.install("hq", await product.file_for(mac(0), 1, UNITS))
    answers = await asyncio.gather(*(product.put_device("hq", f"SEP{n:012X}", "cisco-7920") for n in range(UNITS // 4)))
    assert {answer.status_code for answer in answers} == {201}
    await product.remove_device("hq", f"SEP{0:012X}")
    assert (await product.put_device("hq", f"SEP{0:012X}", "cisco-7920")).status_code == 201
    assert (await product.put_device("hq", "SEP-lobby", "cisco-7902")).status_code == 201
    assert (await product.put_device("hq", "SEP-too-many", "cisco-7970")).status_code == 409


async def test_every_job_is_scraped_and_shows_what_is_its_own(prometheus: Prometheus) -> None:
    async def all_up() -> bool:
        return {sample["metric"]["job"] for sample in await prometheus.query("up == 1")} == set(OWN)

    await eventually(all_up, "every job answers")
    measured = await prometheus.query("group by (job, service) (license_outbox_oldest_seconds)")
    assert {(sample["metric"]["job"], sample["metric"]["service"]) for sample in measured} == {(job, job) for job in OWN}
    assert not [name for name in await prometheus.names() if name.endswith("_created")], "relabelling as shipped"


async def test_an_overdraft_fires_and_ends(prometheus: Prometheus, product: Product) -> None:
    async def fires() -> list[Sample]:
        return await prometheus.alerts("CiscoLicenseOverDraft", "firing")

    (alert,) = await eventually(fires, "the overdraft fires")
    assert alert["labels"] == {"alertname": "CiscoLicenseOverDraft", "cluster": "hq", "severity": "alert"}
    assert alert["annotations"]["description"] == "Cluster hq is in overdraft: PHONE_UNIT by 1."
    assert await prometheus.alerts("CiscoLicenseApproachingLimit", "firing")
    assert await prometheus.alerts("CiscoLicenseRequestFailed", "firing")
    assert not await prometheus.alerts("CiscoLicenseFileError", "firing")
    await product.remove_device("hq", "SEP-lobby")

    async def silent() -> bool:
        return not await fires()

    await eventually(silent, "the alert ends with the overdraft")
    assert (await product.put_device("hq", "SEP-lobby", "cisco-7902")).status_code == 201
    await eventually(fires, "and fires again")


async def test_what_has_no_target_is_away(prometheus: Prometheus) -> None:
    """No broker is scraped here: pending, because a minute has to pass."""

    async def told() -> set[str]:
        return {alert["labels"]["job"] for alert in await prometheus.alerts("LicenseServiceAway", "pending")}

    assert await eventually(told, "somebody is away") == {"rabbitmq"}
    assert not await prometheus.alerts("CiscoLicenseManagerDown", "firing")


async def test_every_query_of_the_dashboard_returns_something(prometheus: Prometheus) -> None:
    async def empty() -> list[tuple[str, str]]:
        asked = [(title, query) for title, query in watching.dashboard_queries() if not watching.metrics_in(query) & ELSEWHERE]
        return [(title, query) for title, query in asked if not await prometheus.query(query)]

    async def none_empty() -> bool:
        return not await empty()

    try:
        await eventually(none_empty, "every panel has data")
    except AssertionError as error:
        raise AssertionError(f"panels without data: {await empty()}") from error


async def test_rules_are_evaluated_without_an_error_and_name_what_exists(prometheus: Prometheus) -> None:
    async def all_evaluated() -> bool:
        return all(rule["health"] == "ok" for rule in await prometheus.rules())

    await eventually(all_evaluated, "every rule is evaluated")
    assert not [rule["name"] for rule in await prometheus.rules() if rule.get("lastError")]
    expressions = [rule["expr"] for rule in watching.rules()] + [query for _, query in watching.dashboard_queries()]
    wanted = set().union(*map(watching.metrics_in, expressions))
    assert wanted - await prometheus.names() == ELSEWHERE


async def test_the_names_of_all_metrics_follow_the_rules(product: Product) -> None:
    shown = (await product.admin.get("/metrics")).raise_for_status().content
    promtool = await asyncio.create_subprocess_exec(debians("promtool"), "check", "metrics", stdin=PIPE, stdout=PIPE, stderr=STDOUT)
    said, _ = await promtool.communicate(shown)
    assert (promtool.returncode, said.decode()) == (0, "")
