"""What is published: it is what the code says, it is valid, it is what clients were promised, and old events stay readable."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway import contracts
from gateway.app import create_app
from gateway.event_samples import event_types
from gateway.published import EVENTS, FOLDER, published_contract, published_contracts
from gateway.settings import GatewaySettings
from gateway.surface import METHODS, Document
from shared.contracts.base import Envelope
from shared.kit.bus import Bus
from shared.kit.clock import Clock
from shared.kit.command_line import contract_of
from shared.kit.metrics import Metrics

CLUSTER = "/v1/clusters/{cluster}"
VIEWER, OPERATOR, ADMIN, VENDOR, EITHER = ["viewer"], ["operator"], ["admin"], ["vendor"], ["admin", "vendor"]
PROMISED: dict[str, list[str]] = {
    "POST /v1/orders": VENDOR,
    "GET /v1/orders": VENDOR,
    "GET /v1/orders/{order_id}": VENDOR,
    "POST /v1/orders/{order_id}/approval": VENDOR,
    "GET /v1/paks/{pak}": VENDOR,
    "POST /v1/registrations": VENDOR,
    "GET /v1/registrations/{license_file_id}/license-file": VENDOR,
    "POST /v1/rehosts": VENDOR,
    "GET /v1/clusters": VIEWER,
    f"PUT {CLUSTER}": ADMIN,
    f"GET {CLUSTER}": VIEWER,
    f"PUT {CLUSTER}/nodes/{{node}}": OPERATOR,
    f"DELETE {CLUSTER}/nodes/{{node}}": OPERATOR,
    f"GET {CLUSTER}/nodes": VIEWER,
    f"PUT {CLUSTER}/devices/{{device}}": OPERATOR,
    f"GET {CLUSTER}/devices/{{device}}": VIEWER,
    f"DELETE {CLUSTER}/devices/{{device}}": OPERATOR,
    f"GET {CLUSTER}/devices": VIEWER,
    f"POST {CLUSTER}/check-outs": OPERATOR,
    f"POST {CLUSTER}/check-ins": OPERATOR,
    f"GET {CLUSTER}/journal": VIEWER,
    f"GET {CLUSTER}/journal/verification": VIEWER,
    f"GET {CLUSTER}/unit-report": VIEWER,
    "GET /v1/unit-report": VIEWER,
    f"POST {CLUSTER}/license-files": ADMIN,
    f"GET {CLUSTER}/license-files": VIEWER,
    f"GET {CLUSTER}/license-files/{{license_file_id}}": VIEWER,
    f"GET {CLUSTER}/license-files/{{license_file_id}}/content": VIEWER,
    f"DELETE {CLUSTER}/license-files/{{license_file_id}}": ADMIN,
    "POST /v1/license-file-verifications": ADMIN,
    "GET /v1/trusted-keys": VIEWER,
    f"POST {CLUSTER}/migration": ADMIN,
    f"GET {CLUSTER}/migration-file": VIEWER,
    "GET /v1/device-types": VIEWER,
    "PUT /v1/device-types/{device_type}": ADMIN,
    "POST /v1/unit-calculations": VIEWER,
    "GET /v1/alarms": VIEWER,
    "POST /v1/alarms/{alarm_id}/acknowledgement": ADMIN,
    "GET /v1/alarm-catalogue": VIEWER,
    "POST /v1/callers": EITHER,
    "GET /v1/callers": EITHER,
    "DELETE /v1/callers/{caller}": EITHER,
}
"""What clients are written against, and the scope that it needs. More may be published, never less."""

SURFACE = published_contract("gateway")


def operations(document: Document) -> dict[str, dict[str, Any]]:
    return {f"{method.upper()} {path}": item[method] for path, item in document["paths"].items() for method in METHODS if method in item}


def scopes(operation: dict[str, Any]) -> list[str]:
    return [scope for wanted in operation["security"] for scope in wanted["callerKey"]]


def test_the_committed_contracts_are_those_of_the_code() -> None:
    found = [str(path.relative_to(FOLDER)) for path in contracts.differences()]
    assert not found, f"run `make contracts` and commit what it writes: {found}"


def test_checking_says_what_differs_and_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(contracts, "FOLDER", tmp_path)
    monkeypatch.setattr(contracts, "EVENTS", tmp_path / "events")
    monkeypatch.setattr(contracts, "contract_file", lambda name: tmp_path / f"{name}.openapi.json")
    with pytest.raises(SystemExit) as ended:
        contracts.main(["--check"])
    assert "published contracts are not those of the code" in str(ended.value)
    assert "differs: ledger.openapi.json" in capsys.readouterr().err
    contracts.main([])
    (tmp_path / "events" / "ledger.pool-changed.v1.sample.json").write_text("history")
    (tmp_path / "forgotten.openapi.json").write_text("{}")
    contracts.main([])
    contracts.main(["--check"])
    assert not (tmp_path / "forgotten.openapi.json").exists()
    assert (tmp_path / "events" / "ledger.pool-changed.v1.sample.json").read_text() == "history"


def test_the_surface_is_valid_openapi_3_1() -> None:
    assert SURFACE["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(SURFACE).validate()


@pytest.mark.parametrize("operation", PROMISED)
def test_what_was_promised_is_published_with_its_scope(operation: str) -> None:
    assert scopes(operations(SURFACE)[operation]) == PROMISED[operation]


def test_operation_ids_are_camel_case_and_unique() -> None:
    ids = [operation["operationId"] for operation in operations(SURFACE).values()]
    assert len(ids) == len(set(ids))
    assert [one for one in ids if not re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", one)] == []


def test_every_operation_is_described_tagged_and_answers_errors_as_problems() -> None:
    for name, operation in operations(SURFACE).items():
        assert operation.get("description"), name
        assert operation.get("tags"), name
        errors = {status: answer for status, answer in operation["responses"].items() if status == "default" or status >= "400"}
        assert "default" in errors, name
        assert {media for answer in errors.values() for media in answer["content"]} == {"application/problem+json"}, name


def test_a_customers_surface_has_nothing_of_the_vendors_desk() -> None:
    known = {name: contract for name, contract in published_contracts().items() if name != "registration"}

    def create(settings: GatewaySettings, bus: Bus, clock: Clock, metrics: Metrics) -> Any:
        return create_app(settings, bus, clock, metrics, upstreams={}, contracts=known)

    customers = contract_of(create, GatewaySettings)
    OpenAPIV31SpecValidator(customers).validate()
    vendors = {name for name, wanted in PROMISED.items() if wanted == VENDOR}
    assert vendors & set(operations(customers)) == set()
    assert set(PROMISED) - vendors <= set(operations(customers))
    assert [name for name, one in operations(customers).items() if scopes(one) == VENDOR] == []


def _as_said(read: Any, said: Any) -> Any:
    """``read`` without the members, at whatever depth, that were added since ``said``."""
    if isinstance(read, dict) and isinstance(said, dict):
        return {name: _as_said(value, said[name]) for name, value in read.items() if name in said}
    if isinstance(read, list) and isinstance(said, list) and len(read) == len(said):
        return [_as_said(*pair) for pair in zip(read, said, strict=True)]
    return read


@pytest.mark.parametrize("sample", sorted(EVENTS.glob("*.sample.json")), ids=lambda path: path.name.removesuffix(".sample.json"))
def test_every_event_ever_published_can_still_be_read(sample: Path) -> None:
    envelope = Envelope.model_validate_json(sample.read_text("utf-8"))
    kind = event_types()[envelope.type]
    assert f"{envelope.type}.sample.json" == sample.name
    read = kind.model_validate(envelope.data)
    assert set(envelope.data) <= set(kind.model_fields), "a field was renamed or removed: readers of the old one hear nothing"
    again = read.model_dump(mode="json")
    assert _as_said(again, envelope.data) == envelope.data


def test_every_event_type_has_a_sample_and_a_schema() -> None:
    published = {path.name.rsplit(".", 2)[0] for path in EVENTS.iterdir()}
    assert published == set(event_types())


@pytest.mark.parametrize("kind", event_types().values(), ids=lambda kind: str(kind.type))
def test_an_events_schema_resolves(kind: Any) -> None:
    schema = json.loads((EVENTS / f"{kind.type}.schema.json").read_text("utf-8"))
    wanted = set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema)))
    assert wanted <= set(schema.get("$defs", {}))
    assert schema["properties"]["type"] == {"const": kind.type}
