"""The metrics of one process. Each name is registered once; services share it through the ``service`` label.

No id, MAC or address may become a label; the cluster's name is the only exception.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS_TYPE
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from shared.kit.logs import log_of

_log = log_of("metrics")
TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_REFRESH_SECONDS = 3.0
"""A store that hangs must not make the scraper give up: it would miss the very figures that tell of it."""

Refresh = Callable[[], Awaitable[None]]


class Metrics:
    """A registry, the plumbing's metrics, and those that services add with ``gauge`` and ``counter``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._added: dict[str, Gauge | Counter] = {}
        self._refreshers: list[tuple[str, Refresh]] = []
        self.requests = Histogram(
            "license_http_request_duration_seconds",
            "Time to answer a request, by service, method, route template and status.",
            ["service", "method", "route", "status"],
            registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        self.events_published = Counter(
            "license_events_published_total", "Events handed over to the bus.", ["service", "type"], registry=self.registry
        )
        self.events_handled = Counter(
            "license_events_handled_total",
            "Events handled, repeated (known already) or buried (dead letters).",
            ["service", "type", "outcome"],
            registry=self.registry,
        )
        self.dead_letters = Gauge(
            "license_dead_letter_rows",
            "Events that no consumer could handle, in the service's own table.",
            ["service"],
            registry=self.registry,
        )
        self.outbox_age = Gauge(
            "license_outbox_oldest_seconds", "Age of the oldest event not yet handed over.", ["service"], registry=self.registry
        )
        self.refresh_failures = Counter(
            "license_metrics_refresh_failures_total",
            "Scrapes in which a service's figures could not be read.",
            ["service"],
            registry=self.registry,
        )

    def gauge(self, name: str, meaning: str, labels: Sequence[str]) -> Gauge:
        """A service's gauge; the same object when it was asked for before."""
        found = self._added.get(name) or self._added.setdefault(name, Gauge(name, meaning, labels, registry=self.registry))
        assert isinstance(found, Gauge)
        return found

    def counter(self, name: str, meaning: str, labels: Sequence[str]) -> Counter:
        """A service's counter; the same object when it was asked for before."""
        found = self._added.get(name) or self._added.setdefault(name, Counter(name, meaning, labels, registry=self.registry))
        assert isinstance(found, Counter)
        return found

    def before_scrape(self, service: str, refresh: Refresh) -> None:
        """Have ``refresh`` read figures from the store whenever somebody scrapes."""
        self._refreshers.append((service, refresh))
        self.refresh_failures.labels(service)  # from 0 on, as every counter whose labels are known beforehand

    async def _refresh(self, service: str, refresh: Refresh) -> None:
        try:
            async with asyncio.timeout(_REFRESH_SECONDS):
                await refresh()
        except Exception as error:
            self.refresh_failures.labels(service).inc()
            _log.warning("metrics-refresh-failed", service=service, error=repr(error))

    async def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """The metrics as text and their content type. A store that is away leaves the last figures and is counted."""
        await asyncio.gather(*(self._refresh(service, refresh) for service, refresh in self._refreshers))
        if "application/openmetrics-text" in accept:
            return generate_openmetrics(self.registry), OPENMETRICS_TYPE  # type: ignore[no-untyped-call]
        return generate_latest(self.registry), TEXT_TYPE
