"""Builds the service of the license files."""

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
from fastapi import FastAPI

from services.licensefile.actions.render_migration import MigrationFileImpossible
from services.licensefile.clients import Ledger, TrustedKeys, UnusableKeyFile
from services.licensefile.consumers import consumers_of
from services.licensefile.domain.reasons import LicenseFileRefused
from services.licensefile.routes import license_files, migration_file, trusted_keys, verifications
from services.licensefile.routes.upload import FileTooLarge, SeveralFiles, UploadCutOff, UploadTooLarge
from services.licensefile.settings import LicenseFileSettings
from services.licensefile.timers import timers_of
from shared.contracts.events.faults import LicenseFileDataStoreFailed, LicenseFileDataStoreRecovered, LicenseFileInternalErrorOccurred
from shared.kit.app import Kit, Plan, build_app
from shared.kit.bus import Bus
from shared.kit.client import ServiceClient
from shared.kit.clock import Clock
from shared.kit.faults import FaultEvents
from shared.kit.logs import log_of
from shared.kit.metrics import Metrics
from shared.kit.problems import ProblemTable, Rule

MIGRATIONS = Path(__file__).parent / "migrations"
_log = log_of("trusted keys")

PROBLEMS = ProblemTable(
    {
        LicenseFileRefused: Rule("license-file-refused", 422, "The license file was refused", recorded=True),
        FileTooLarge: Rule("content-too-large", 413, "The file is too large"),
        UploadTooLarge: Rule("content-too-large", 413, "The upload is too large"),
        UploadCutOff: Rule("upload-cut-off", 422, "The upload is not whole"),
        SeveralFiles: Rule("several-files", 422, "More than one file in an upload"),
        UnusableKeyFile: Rule("trusted-keys-unusable", 503, "The trusted keys cannot be read"),
        MigrationFileImpossible: Rule("migration-file-impossible", 409, "The migration does not fit into a migration file"),
    }
)


def create_app(
    settings: LicenseFileSettings, bus: Bus, clock: Clock, metrics: Metrics, *, ledger: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """The service as an ASGI application. ``ledger``: how the ledger is reached, the network by default."""
    asked = Ledger(ServiceClient("ledger", settings.ledger_url, ledger))
    keys = TrustedKeys(settings.trusted_keys_dir)
    grace = timedelta(days=settings.grace_days)

    async def read_trusted_keys(_kit: Kit) -> None:
        """A key file that cannot be used ends the start: better than refusing every file later."""
        ring = await asyncio.to_thread(keys.read)
        _log.info("trusted-keys", trusted=sorted(ring.trusted), revoked=sorted(ring.revoked))

    plan = Plan(
        service="licensefile",
        title="License files",
        migrations=MIGRATIONS,
        routers=[license_files.router, verifications.router, migration_file.router, trusted_keys.router],
        problems=PROBLEMS,
        consumers=consumers_of(grace),
        timers=timers_of(settings.review_seconds, grace, keys, keep_granting=settings.revoked_keys_keep_granting),
        faults=FaultEvents(LicenseFileDataStoreFailed, LicenseFileDataStoreRecovered, LicenseFileInternalErrorOccurred),
        on_start=[read_trusted_keys],
        on_stop=[asked.close],
    )
    app = build_app(plan, settings, bus, clock, metrics)
    app.state.ledger = asked
    app.state.trusted_keys = keys
    app.state.grace = grace
    return app
