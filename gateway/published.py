"""Where the contracts lie that the services published; written by ``python -m gateway.contracts``, read when a gateway is built."""

import json
from pathlib import Path

from gateway.surface import Document
from shared import contracts

FOLDER = Path(contracts.__file__).parent / "published"
EVENTS = FOLDER / "events"
_SUFFIX = ".openapi.json"


def contract_file(service: str) -> Path:
    return FOLDER / f"{service}{_SUFFIX}"


def published_contract(service: str) -> Document:
    """The contract that a service published. Raises FileNotFoundError where it published none."""
    document: Document = json.loads(contract_file(service).read_text("utf-8"))
    return document


def published_contracts() -> dict[str, Document]:
    """The contracts of all services behind the gateway."""
    names = sorted(path.name.removesuffix(_SUFFIX) for path in FOLDER.glob(f"*{_SUFFIX}"))
    return {name: published_contract(name) for name in names if name != "gateway"}
