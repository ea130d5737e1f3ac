"""A running desk, and what its tests do over and over: order, approve, register, read the file."""

from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from fastapi import FastAPI
from pydantic import SecretStr

from services.registration.app import create_app
from services.registration.settings import RegistrationSettings
from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from shared.license_file.grammar import read
from shared.license_file.lines import LicenseLine
from shared.license_file.migration_file import MigrationFile, write
from shared.license_file.signature import Verification, key_id_of, verify
from tests.house import RememberingBus

PASSPHRASE = "correct horse battery staple"
MAC, OTHER_MAC, THIRD_MAC = "0015C5F3A1B2", "0015C5F3A1B3", "0015C5F3A1B4"
EMAIL = "it@example.com"
CALLER = {"licensing-caller": "clerk"}


def desk_app(database_url: str, keys: Path, bus: RememberingBus, clock: TestClock, metrics: Metrics, **changes: Any) -> FastAPI:
    """The desk with a key of its own."""
    settings = RegistrationSettings(
        database_url=SecretStr(database_url),
        signing_key_file=keys / "signing.pem",
        signing_key_passphrase=SecretStr(PASSPHRASE),
        public_key_file=keys / "public.pem",
        **{"make_signing_key": True, **changes},
    )
    return create_app(settings, bus, clock, metrics)


class Desk:
    """Talks to a running desk."""

    def __init__(self, http: httpx.AsyncClient, keys: Path) -> None:
        self.http = http
        self.keys = keys

    async def order(self, **changes: Any) -> str:
        """Place an order of the seed's size, or with ``changes``; its id."""
        body = {"customer": "Example Ltd", "email": EMAIL, "product_version": "5.0", "nodes": 20, "units": 20000, **changes}
        answer = await self.http.post("/v1/orders", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["order_id"])

    async def pak(self, **changes: Any) -> str:
        """Place an order and approve it; its PAK."""
        answer = await self.http.post(f"/v1/orders/{await self.order(**changes)}/approval")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["pak"])

    async def register(self, pak: str, mac: str = MAC, headers: dict[str, str] | None = None, **changes: Any) -> httpx.Response:
        return await self.http.post("/v1/registrations", json={"pak": pak, "mac": mac, "email": EMAIL, **changes}, headers=headers)

    async def migrate(self, migration: MigrationFile | str, mac: str = MAC) -> httpx.Response:
        text = migration if isinstance(migration, str) else write(migration).decode()
        return await self.http.post("/v1/registrations", json={"migration_file": text, "mac": mac, "email": EMAIL})

    async def rehost(self, license_file_id: str, mac: str = OTHER_MAC, **changes: Any) -> httpx.Response:
        body = {"license_file_id": license_file_id, "mac": mac, "email": EMAIL, "reason": "the first node failed", **changes}
        return await self.http.post("/v1/rehosts", json=body)

    async def give_back(self, license_file_id: str, reason: str = "the branch is closed") -> httpx.Response:
        return await self.http.post(f"/v1/registrations/{license_file_id}/return", json={"reason": reason})

    async def file(self, license_file_id: str) -> bytes:
        answer = await self.http.get(f"/v1/registrations/{license_file_id}/license-file")
        assert answer.status_code == 200, answer.text
        return answer.content

    async def lines(self, license_file_id: str) -> tuple[LicenseLine, ...]:
        """The lines of a license file as a customer reads them: no fault, every signature good."""
        public = load_pem_public_key((self.keys / "public.pem").read_bytes())
        assert isinstance(public, Ed25519PublicKey)
        found = read(await self.file(license_file_id))
        assert found.faults == ()
        assert found.license_lines
        for line in found.license_lines:
            assert verify(line, {key_id_of(public): public}) is Verification.VALID
            assert line.license_file_id == license_file_id
        return found.license_lines


def problem_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and slug."""
    return answer.status_code, answer.json()["type"].removeprefix("urn:licensing:problem:")
