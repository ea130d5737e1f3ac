"""Run by the generator's own Python: the story through a generated client.

Arguments: the folder that holds the package ``generated``, the URL, and the files of the admin's and the vendor's key.
"""

import asyncio
import importlib
import io
import pkgutil
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from gateway.demo.api import Answer
from gateway.demo.stage import Stage
from gateway.demo.story import play


class GeneratedApi:
    """The API as the generated functions offer it: one a operation, named after it."""

    def __init__(self, url: str, key: str) -> None:
        generated = importlib.import_module("generated")
        self._models = importlib.import_module("generated.models")
        self._types = importlib.import_module("generated.types")
        self._client = generated.AuthenticatedClient(base_url=url, token=key, raise_on_unexpected_status=True)
        api = importlib.import_module("generated.api")
        found = pkgutil.walk_packages(api.__path__, "generated.api.")
        self._functions = {info.name.rpartition(".")[2]: info.name for info in found if not info.ispkg}

    async def call(
        self,
        operation: str,
        parameters: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        file: tuple[str, bytes] | None = None,
    ) -> Answer:
        module = importlib.import_module(self._functions[re.sub(r"(?<!^)([A-Z])", r"_\1", operation).lower()])
        arguments: dict[str, Any] = {"client": self._client, **(parameters or {})}
        if file is not None:
            sent = self._types.File(payload=io.BytesIO(file[1]), file_name=file[0], mime_type="text/plain")
            arguments["body"] = self._model_of(module)(file=sent)
        elif body is not None:
            arguments["body"] = self._model_of(module, body)
        response = await module.asyncio_detailed(**arguments)
        parsed = response.parsed
        assert parsed is not None or not response.content, f"{operation}: the client could not read {response.content[:200]!r}"
        return Answer(int(response.status_code), parsed.to_dict() if hasattr(parsed, "to_dict") else None, response.content)

    def _model_of(self, module: Any, body: Mapping[str, Any] | None = None) -> Any:
        """The class of the function's body; with a body, the object made of it."""
        names = re.findall(r"[A-Z]\w+", str(module.asyncio_detailed.__annotations__["body"]))
        kinds = [getattr(self._models, name) for name in names if hasattr(self._models, name)]
        if body is None:
            return kinds[0]
        fitting = next(kind for kind in kinds if set(body) <= set(kind.__annotations__))
        return fitting.from_dict(dict(body))


async def _main(folder: str, url: str, admin_key: str, vendor_key: str) -> None:
    sys.path.insert(0, folder)
    admin, vendor = (GeneratedApi(url, Path(key).read_text().strip()) for key in (admin_key, vendor_key))  # noqa: ASYNC240 -- a script
    await play(Stage(admin, vendor, Console(width=150)))


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
