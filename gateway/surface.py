"""Composes the one public contract out of those of the services behind the gateway. What is not in it cannot be reached.

Must not be broken: nothing is merged by guessing. Two services that claim one operation, one operation id, or one component
name with different content are an error when the surface is built, not a surprise to a client.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.kit.problems import PROBLEM_JSON
from shared.kit.scopes import SCHEME

Document = dict[str, Any]

METHODS = ("get", "put", "post", "delete", "patch")
SCOPES = ("viewer", "operator", "admin", "vendor")
DEFAULT_LARGEST_BODY_BYTES = 1024 * 1024
_PARAMETER = re.compile(r"{[^}]*}")

_INFO: Document = {
    "title": "CallManager Licensing",
    "version": "1",
    "summary": "Licenses of IP-telephony clusters: units purchased, units in use, and the proof.",
    "description": (
        "Every call carries `Authorization: Bearer <key>`. Scopes: viewer < operator < admin; vendor stands apart. "
        "Errors are `application/problem+json` (RFC 9457) with a stable `type`, and for refusals the numbers of the case. "
        "A listing is read page by page: give `next_cursor` of one page as `cursor` of the next."
    ),
    "license": {"name": "MIT", "identifier": "MIT"},
}
_SCHEME: Document = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "lk_…",
    "description": "A caller's key. The scope that an operation needs stands in its security requirement.",
}


@dataclass
class SurfaceClash(Exception):
    """Two services claim the same thing, or one does not say what the gateway must know."""

    what: str

    def __str__(self) -> str:
        return f"The surface cannot be composed: {self.what}"


@dataclass(frozen=True, slots=True)
class Operation:
    """One public operation: where it is answered, who may call it (any of ``scopes``), and how large its body may be."""

    upstream: str
    method: str
    path: str
    operation_id: str
    scopes: tuple[str, ...]
    largest_body_bytes: int


@dataclass(frozen=True, slots=True)
class Surface:
    """The public contract, and its operations in the order of their paths."""

    document: Document
    operations: tuple[Operation, ...]


def compose(contracts: Mapping[str, Document]) -> Surface:
    """One OpenAPI 3.1 document out of the contracts of these upstreams, by name. Raises SurfaceClash."""
    paths: dict[str, Document] = {}
    components: dict[str, dict[str, Any]] = {}
    operations: dict[str, Operation] = {}
    shapes: dict[str, str] = {}
    for upstream, contract in contracts.items():
        _merge_components(components, contract, upstream)
        for path, item in contract.get("paths", {}).items():
            shape = _PARAMETER.sub("{}", path)
            if shapes.setdefault(shape, path) != path:
                raise SurfaceClash(f"{path} of {upstream} and {shapes[shape]} differ in the names of their parameters only")
            _merge_path(paths.setdefault(path, {}), path, item, upstream)
        for operation in _operations_of(upstream, contract):
            if other := operations.get(operation.operation_id):
                raise SurfaceClash(f"operation id {operation.operation_id} is claimed by {other.upstream} and {upstream}")
            operations[operation.operation_id] = operation
    components.setdefault("securitySchemes", {})[SCHEME] = _SCHEME
    return Surface(_document(paths, components), tuple(sorted(operations.values(), key=lambda one: (one.path, one.method))))


def _document(paths: dict[str, Document], components: dict[str, dict[str, Any]]) -> Document:
    honest = {path: _honest(item) for path, item in sorted(paths.items())}
    tags = {tag for item in honest.values() for _, operation in _each(item) for tag in operation.get("tags", [])}
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in sorted(tags)],
        "paths": honest,
        "components": {kind: dict(sorted(named.items())) for kind, named in sorted(components.items())},
    }


def _each(item: Document) -> Iterator[tuple[str, Document]]:
    return ((method, item[method]) for method in METHODS if method in item)


def _merge_path(known: Document, path: str, item: Document, upstream: str) -> None:
    for key, value in item.items():
        if key in METHODS and key in known:
            raise SurfaceClash(f"{key.upper()} {path} is claimed by {upstream} and by another service")
        if known.setdefault(key, value) != value:
            raise SurfaceClash(f"{key!r} of {path} is one thing in {upstream} and another elsewhere")


def _merge_components(known: dict[str, dict[str, Any]], contract: Document, upstream: str) -> None:
    for kind, named in contract.get("components", {}).items():
        for name, content in named.items():
            if known.setdefault(kind, {}).setdefault(name, content) != content:
                raise SurfaceClash(f"component {kind}/{name} of {upstream} differs from the one that another service publishes")


def _operations_of(upstream: str, contract: Document) -> Iterator[Operation]:
    for path, item in contract.get("paths", {}).items():
        for method, operation in _each(item):
            scopes = tuple(scope for wanted in operation.get("security", []) for scope in wanted.get(SCHEME, []))
            if not scopes or not set(scopes) <= set(SCOPES):
                raise SurfaceClash(
                    f"{method.upper()} {path} of {upstream} asks for the scopes {list(scopes)}; it needs one of {list(SCOPES)}"
                )
            if "operationId" not in operation:
                raise SurfaceClash(f"{method.upper()} {path} of {upstream} has no operation id")
            largest = operation.get("x-largest-body-bytes", DEFAULT_LARGEST_BODY_BYTES)
            yield Operation(upstream, method.upper(), path, operation["operationId"], scopes, largest)


def _honest(item: Document) -> Document:
    """The path with every error as what it is sent as: the framework calls problems plain JSON."""

    def content_of(status: str, response: Document) -> Document:
        schemas = [content["schema"] for content in response.get("content", {}).values() if "schema" in content]
        if not schemas or not (status == "default" or status.startswith(("4", "5"))):
            return response
        return {**response, "content": {PROBLEM_JSON: {"schema": schemas[0]}}}

    def answers(operation: Document) -> Document:
        return {**operation, "responses": {s: content_of(s, r) for s, r in sorted(operation.get("responses", {}).items())}}

    return {key: answers(value) if key in METHODS else value for key, value in item.items()}
