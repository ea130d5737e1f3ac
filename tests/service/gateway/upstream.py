"""A stub behind the gateway: answers as it is told, and remembers how it was asked."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from gateway.surface import Document
from shared.kit.identity import Identity, IdentityVerifier

Answering = Callable[[Scope, Receive, Send], Awaitable[None]]


def operation(operation_id: str, scope: str, path: str, **more: Any) -> Document:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    return {
        "operationId": operation_id,
        "parameters": parameters,
        "security": [{"callerKey": [scope]}],
        "responses": {"200": {"description": "Fine."}},
        **more,
    }


PATHS = {
    ("get", "/v1/clusters/{cluster}", "viewer"): "getCluster",
    ("put", "/v1/clusters/{cluster}", "admin"): "putCluster",
    ("put", "/v1/clusters/{cluster}/devices/{device}", "operator"): "checkOutDevice",
    ("delete", "/v1/clusters/{cluster}/devices/{device}", "operator"): "checkInDevice",
    ("get", "/v1/orders", "vendor"): "listOrders",
}


def contract() -> Document:
    """An operation for each scope."""
    paths: dict[str, Document] = {}
    for (method, path, scope), operation_id in PATHS.items():
        paths.setdefault(path, {})[method] = operation(operation_id, scope, path)
    paths["/v1/clusters/{cluster}/devices/{device}"]["put"]["x-largest-body-bytes"] = 100
    return {"openapi": "3.1.0", "info": {"title": "Stub", "version": "1"}, "paths": paths}


@dataclass
class Upstream:
    """The application, and the scopes and bodies that it was called with."""

    asked: list[Scope] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    answering: Answering | None = None
    unready: str | None = None
    verifier: IdentityVerifier | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/readyz":
            checks = {"checks": {"database": self.unready}}
            await answer(send, 503 if self.unready else 200, checks)
            return
        self.asked.append(scope)
        if self.answering is not None:
            await self.answering(scope, receive, send)
            return
        body = await read(receive)
        if body is None:
            await answer(send, 400, {"detail": "There was an error parsing the body"})
            return
        self.bodies.append(body)
        await answer(send, 200, {"answered": True})

    def header(self, name: str) -> str | None:
        """A header of the last request."""
        found = [value.decode() for key, value in self.asked[-1]["headers"] if key == name.encode()]
        assert len(found) <= 1
        return found[0] if found else None

    def identity(self) -> Identity:
        """Who made the last request, by the gateway's word."""
        assert self.verifier is not None
        return self.verifier.verify(self.header("licensing-identity") or "")


async def read(receive: Receive) -> bytes | None:
    """The whole body; None where it broke off."""
    body = bytearray()
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


async def answer(send: Send, status: int, body: object, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    content = json.dumps(body).encode()
    length = (b"content-length", str(len(content)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json"), length, *headers]})
    await send({"type": "http.response.body", "body": content})


async def never(_scope: Scope, _receive: Receive, _send: Send) -> None:
    await asyncio.Event().wait()
