"""Composing one contract out of several: what is merged, and what is refused."""

import copy
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.surface import DEFAULT_LARGEST_BODY_BYTES, Operation, SurfaceClash, compose

PROBLEM = {"type": "object", "properties": {"detail": {"type": "string"}}}


def operation(operation_id: str, scope: str = "viewer", **more: Any) -> dict[str, Any]:
    refused = {"description": "A problem.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    responses = {"200": {"description": "Fine.", "content": {"application/json": {"schema": {"type": "object"}}}}, "default": refused}
    return {"operationId": operation_id, "tags": ["things"], "security": [{"callerKey": [scope]}], "responses": responses, **more}


def contract(paths: dict[str, Any], **schemas: Any) -> dict[str, Any]:
    info = {"title": "A service", "version": "1"}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": {"Problem": PROBLEM, **schemas}}}


LEDGER = contract({"/v1/clusters": {"get": operation("listClusters")}}, Cluster={"type": "object"})
NAME = {"name": "cluster", "in": "path", "required": True, "schema": {"type": "string"}}
FILES = contract({
    "/v1/clusters/{cluster}/license-files": {
        "post": operation("uploadLicenseFile", "admin", parameters=[NAME], **{"x-largest-body-bytes": 42}),
    }
})  # fmt: skip


def test_paths_components_and_tags_come_together_in_a_valid_document() -> None:
    surface = compose({"ledger": LEDGER, "licensefile": FILES})
    OpenAPIV31SpecValidator(surface.document).validate()
    assert list(surface.document["paths"]) == ["/v1/clusters", "/v1/clusters/{cluster}/license-files"]
    assert set(surface.document["components"]["schemas"]) == {"Problem", "Cluster"}
    assert surface.document["tags"] == [{"name": "things"}]
    assert surface.document["components"]["securitySchemes"]["callerKey"]["scheme"] == "bearer"


def test_the_operations_know_their_upstream_scope_and_limit() -> None:
    surface = compose({"ledger": LEDGER, "licensefile": FILES})
    assert surface.operations == (
        Operation("ledger", "GET", "/v1/clusters", "listClusters", ("viewer",), DEFAULT_LARGEST_BODY_BYTES),
        Operation("licensefile", "POST", "/v1/clusters/{cluster}/license-files", "uploadLicenseFile", ("admin",), 42),
    )
    assert surface.document["paths"]["/v1/clusters/{cluster}/license-files"]["post"]["x-largest-body-bytes"] == 42


def test_errors_are_published_as_what_they_are_sent_as() -> None:
    responses = compose({"ledger": LEDGER}).document["paths"]["/v1/clusters"]["get"]["responses"]
    assert set(responses["default"]["content"]) == {"application/problem+json"}
    assert set(responses["200"]["content"]) == {"application/json"}


def test_composing_is_deterministic_and_changes_no_contract() -> None:
    before = copy.deepcopy([LEDGER, FILES])
    one, other = compose({"ledger": LEDGER, "licensefile": FILES}), compose({"licensefile": FILES, "ledger": LEDGER})
    assert one.document == other.document
    assert one.operations == other.operations
    assert before == [LEDGER, FILES]


def test_two_services_may_share_a_path_by_method() -> None:
    deleting = contract({"/v1/clusters": {"delete": operation("deleteClusters", "admin")}})
    surface = compose({"ledger": LEDGER, "other": deleting})
    assert [(one.upstream, one.method) for one in surface.operations] == [("other", "DELETE"), ("ledger", "GET")]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (contract({"/v1/clusters": {"get": operation("otherClusters")}}), "GET /v1/clusters is claimed by other"),
        (contract({"/v1/others": {"get": operation("listClusters")}}), "operation id listClusters is claimed by ledger and other"),
        (contract({}, Cluster={"type": "string"}), "component schemas/Cluster of other differs"),
        (contract({"/v1/x": {"get": operation("x", "root")}}), r"GET /v1/x of other asks for the scopes \['root'\]"),
        (contract({"/v1/x": {"get": {"operationId": "x", "responses": {}}}}), r"asks for the scopes \[\]"),
        (contract({"/v1/x": {"get": {"security": [{"callerKey": ["viewer"]}], "responses": {}}}}), "has no operation id"),
        (
            contract({"/v1/y/{a}": {"get": operation("a")}, "/v1/y/{b}": {"put": operation("b")}}),
            "differ in the names of their parameters only",
        ),
    ],
)
def test_a_clash_is_an_error(other: dict[str, Any], message: str) -> None:
    with pytest.raises(SurfaceClash, match=message):
        compose({"ledger": LEDGER, "other": other})
