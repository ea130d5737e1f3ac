"""Whom the calculator asks: the ledger, for a cluster's pool and its forecast."""

from shared.contracts.bodies.demand import Forecast
from shared.contracts.bodies.ledger import FeatureUnits, UnitReport
from shared.kit.client import ServiceClient
from shared.kit.problems import NotFound


class Ledger:
    """The ledger, as the calculator sees it."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def phone_units_of(self, cluster: str) -> FeatureUnits:
        """The cluster's PHONE_UNIT pool. Raises NotFound, UpstreamUnavailable."""
        report = await self._client.get(["v1", "clusters", cluster, "unit-report"], UnitReport)
        if report is None:
            raise NotFound("cluster", cluster)
        return next(units for units in report.features if units.feature == "PHONE_UNIT")

    async def forecast_of(self, cluster: str) -> Forecast:
        """How the pool's use goes on. Raises NotFound, UpstreamUnavailable."""
        found = await self._client.get(["v1", "clusters", cluster, "forecast"], Forecast)
        if found is None:
            raise NotFound("cluster", cluster)
        return found

    async def close(self) -> None:
        await self._client.close()
