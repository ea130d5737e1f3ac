"""docker-compose.yml as tests read it: anchors resolved, variables filled in as Compose does, each service with what it is given."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from tests.house import ROOT

NAME = "docker-compose.yml"
RUN_SECRETS = PurePosixPath("/run/secrets")
_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\})")


@dataclass(frozen=True, slots=True)
class Mount:
    """What a container sees at ``target``: a named volume, or a path beside the compose file (it begins with a dot)."""

    source: str
    target: PurePosixPath
    read_only: bool


@dataclass(frozen=True, slots=True)
class Service:
    """One service of the file; ``raw`` is all that was said of it."""

    name: str
    raw: Mapping[str, Any]

    @property
    def command(self) -> list[str]:
        return [str(word) for word in self.raw.get("command", ())]

    @property
    def environment(self) -> dict[str, str]:
        return {name: str(value) for name, value in self.raw.get("environment", {}).items()}

    @property
    def secrets(self) -> dict[PurePosixPath, str]:
        """Where in the container → the secret's name."""
        given = [{"source": each} if isinstance(each, str) else each for each in self.raw.get("secrets", ())]
        return {RUN_SECRETS / each.get("target", each["source"]): each["source"] for each in given}

    @property
    def mounts(self) -> list[Mount]:
        parts = [each.split(":") for each in self.raw.get("volumes", ())]
        return [Mount(source, PurePosixPath(target), options == ["ro"]) for source, target, *options in parts]

    @property
    def depends_on(self) -> dict[str, str]:
        """Name → condition."""
        return {name: each["condition"] for name, each in self.raw.get("depends_on", {}).items()}

    @property
    def networks(self) -> frozenset[str]:
        return frozenset(self.raw["networks"])

    @property
    def side(self) -> str:
        return "vendor" if "vendor" in self.raw.get("profiles", ()) else "customer"

    @property
    def is_ours(self) -> bool:
        """A process of this project's image."""
        return str(self.raw["image"]).startswith("callmanager-licensing:")

    @property
    def is_one_shot(self) -> bool:
        return str(self.raw["restart"]) == "no"


@dataclass(frozen=True, slots=True)
class Compose:
    """The whole file."""

    services: Mapping[str, Service]
    raw: Mapping[str, Any]

    def secret_file(self, secret: str) -> Path:
        """Relative to the compose file."""
        return Path(self.raw["secrets"][secret]["file"])

    def of(self, side: str) -> list[Service]:
        return [service for service in self.services.values() if service.side == side]


def read_compose(variables: Mapping[str, str] | None = None, root: Path = ROOT) -> Compose:
    """The file with ``variables`` from its surroundings, by default none: every variable has its default."""
    raw = _filled(yaml.safe_load((root / NAME).read_text("utf-8")), variables or {})
    return Compose({name: Service(name, each) for name, each in raw["services"].items()}, raw)


def variables_of(text: str) -> Iterator[tuple[str, str | None]]:
    """Name and default of every variable in the file's text."""
    yield from ((found["name"], found["default"]) for found in _VARIABLE.finditer(text) if found["name"])


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(each, variables) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, variables) for each in value]
    if isinstance(value, str):
        return _VARIABLE.sub(lambda m: "$" if m["dollar"] else variables.get(m["name"]) or m["default"] or "", value)
    return value
