"""What the desk must not tell, and what its store holds by itself."""

import io
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import structlog
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from services.registration.clients.signing_key import SigningKeyError
from shared.kit.clock import TestClock
from shared.kit.logs import configure_logs
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, running
from tests.service.registration.desk import PASSPHRASE, Desk, desk_app, problem_of


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything logged, libraries included, down to debug."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logs(stream, logging.DEBUG)
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


async def test_neither_key_nor_passphrase_stands_in_logs_events_or_errors(
    logged: io.StringIO, database_url: str, tmp_path: Path, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    app = desk_app(database_url, tmp_path, bus, clock, metrics)
    said: list[str] = []
    async with running(app) as client:
        desk = Desk(client, tmp_path)
        made = (await desk.register(await desk.pak())).json()["license_file_id"]
        said += [(await desk.rehost(made, "nonsense")).text, (await desk.file(made)).decode()]

        def broken(_line: object) -> None:
            raise RuntimeError("the signing broke")

        app.state.desk = replace(app.state.desk, key=SimpleNamespace(key_id="none", sign=broken))
        failed = await desk.rehost(made)
        assert problem_of(failed) == (500, "internal-error")
        said.append(failed.text)
    (tmp_path / "signing.pem").chmod(0o644)
    with pytest.raises(SigningKeyError) as refused:
        async with running(desk_app(database_url, tmp_path, bus, clock, metrics)):
            pass
    said += [str(refused.value), logged.getvalue(), *(envelope.model_dump_json() for envelope in bus.envelopes)]
    assert "the signing broke" in logged.getvalue()
    private = load_pem_private_key((tmp_path / "signing.pem").read_bytes(), PASSPHRASE.encode())
    raw = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    for secret in (PASSPHRASE, raw.hex(), repr(raw), "PRIVATE KEY"):
        assert secret.lower() not in "\n".join(said).lower()


async def test_a_desk_without_its_key_is_built_for_its_contract_but_does_not_start(
    database_url: str, tmp_path: Path, bus: RememberingBus, clock: TestClock, metrics: Metrics
) -> None:
    app = desk_app(database_url, tmp_path, bus, clock, metrics, make_signing_key=False)
    assert "/v1/registrations" in app.openapi()["paths"]
    with pytest.raises(SigningKeyError, match="There is no signing key in"):
        async with running(app):
            pass


_RETURNS = "INSERT INTO registration.returned_share (license_file_id, order_id, share, nodes, units, reason, returned_by, returned_at) "


def _names(voids: str) -> str:
    """A statement after which the bytes of a file that was not returned name these files as void."""
    only = "license_file_id NOT IN (SELECT license_file_id FROM registration.returned_share)"
    return f"UPDATE registration.license_file SET content = content || convert_to({voids}, 'UTF8') WHERE {only}"


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("UPDATE registration.purchase_order SET registered_units = units + 1", "order_units_not_exceeded"),
        ("UPDATE registration.purchase_order SET registered_nodes = nodes + 1", "order_nodes_not_exceeded"),
        ("UPDATE registration.purchase_order SET nodes = 0, units = 0, registered_nodes = 0, registered_units = 0", "order_not_empty"),
        ("UPDATE registration.purchase_order SET pak = NULL", "order_pak_when_approved"),
        ("UPDATE registration.purchase_order SET approved_by = NULL", "order_approval_recorded"),
        ("UPDATE registration.license_file SET nodes = 0, units = 0, overdraft_units = 0", "license_file_not_empty"),
        ("UPDATE registration.license_file SET replaces = license_file_id", "license_file_rehost_has_reason"),
        ("UPDATE registration.license_file SET license_file_id = '1'", "license_file_id_form"),
        ("UPDATE registration.license_file SET mac = 'x'", "license_file_mac_form"),
        ("UPDATE registration.license_file SET replaces = license_file_id, reason = 'none'", "license_file_replaces_first"),
        (_names("repeat('<Replaces>' || license_file_id || '</Replaces>', 1)"), "license_file_voids_others"),
        (_names("repeat('<Replaces>20200101000000000</Replaces>', 201)"), "license_file_voids_limited"),
        (
            _RETURNS + "SELECT license_file_id, order_id, 9, 0, 0, 'none', 'clerk', now() FROM registration.license_file",
            "returned_share_not_empty",
        ),
        (
            _RETURNS + "SELECT f.license_file_id, r.order_id, r.share, 1, 1, 'none', 'clerk', now() "
            "FROM registration.license_file f JOIN registration.returned_share r ON f.license_file_id <> r.license_file_id",
            "returned_share_once",
        ),
    ],
)
async def test_the_store_refuses_what_the_rules_forbid(desk: Desk, database_url: str, change: str, check: str) -> None:
    pak = await desk.pak()
    await desk.give_back((await desk.register(pak, nodes=1, units=10)).json()["license_file_id"])
    await desk.register(await desk.pak())
    engine = create_async_engine(database_url)
    try:
        async with engine.begin() as connection:
            with pytest.raises(IntegrityError, match=check):
                await connection.execute(text(change))
    finally:
        await engine.dispose()
