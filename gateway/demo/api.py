"""How the story calls the product: by operation id, as the published contract names it. Knows no path by heart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import httpx


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, the JSON body (None where there is none) and the bytes."""

    status: int
    body: Any
    content: bytes

    @property
    def problem(self) -> str:
        """The slug of a problem; empty for an answer that is none."""
        kind = self.body.get("type", "") if isinstance(self.body, dict) else ""
        return str(kind).removeprefix("urn:licensing:problem:")


class Api(Protocol):
    """Calls an operation; ``file`` is a name and bytes to upload."""

    async def call(
        self,
        operation: str,
        parameters: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        file: tuple[str, bytes] | None = None,
    ) -> Answer: ...


class HttpApi:
    """The API over HTTP: finds each operation in the contract that the gateway serves."""

    def __init__(self, client: httpx.AsyncClient, contract: Mapping[str, Any]) -> None:
        self._client = client
        self._operations = {
            operation["operationId"]: (method, path)
            for path, methods in contract["paths"].items()
            for method, operation in methods.items()
            if isinstance(operation, dict) and "operationId" in operation
        }

    async def call(
        self,
        operation: str,
        parameters: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        file: tuple[str, bytes] | None = None,
    ) -> Answer:
        method, path = self._operations[operation]
        query: dict[str, str] = {}
        for name, value in (parameters or {}).items():
            placeholder = "{" + name + "}"
            if placeholder in path:
                path = path.replace(placeholder, quote(str(value), safe=""))
            else:
                query[name] = str(value)
        files = {"file": (file[0], file[1], "text/plain")} if file else None
        response = await self._client.request(method, path, params=query, json=body, files=files)
        is_json = response.content and "json" in response.headers.get("content-type", "")
        return Answer(response.status_code, response.json() if is_json else None, response.content)
