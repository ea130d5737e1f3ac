"""Metrics: registered once, shared by services, and readable while a store is away."""

import pytest

from shared.kit.metrics import Metrics


async def test_services_share_a_metric_of_the_same_name(metrics: Metrics) -> None:
    first = metrics.gauge("license_things", "Things.", ["service"])
    assert metrics.gauge("license_things", "Things.", ["service"]) is first
    first.labels("ledger").set(3)
    counted = metrics.counter("license_asked_total", "Asked.", [])
    assert metrics.counter("license_asked_total", "Asked.", []) is counted
    text, kind = await metrics.exposition()
    assert 'license_things{service="ledger"} 3.0' in text.decode()
    assert kind.startswith("text/plain; version=0.0.4")
    with pytest.raises(AssertionError):
        metrics.counter("license_things", "Things.", ["service"])


async def test_a_scrape_reads_figures_first_and_survives_a_store_that_is_away(metrics: Metrics) -> None:
    figure = metrics.gauge("license_figure", "A figure.", [])

    async def read() -> None:
        figure.set(7)

    async def fail() -> None:
        raise ConnectionRefusedError

    metrics.before_scrape("toy", fail)
    metrics.before_scrape("toy", read)
    text = (await metrics.exposition())[0].decode()
    assert "license_figure 7.0" in text
    assert 'license_metrics_refresh_failures_total{service="toy"} 1.0' in text


async def test_openmetrics_is_given_to_whom_asks_for_it(metrics: Metrics) -> None:
    text, kind = await metrics.exposition("application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")
