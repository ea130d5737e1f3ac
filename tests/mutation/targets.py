"""What is mutated, in the order of what a mistake there costs, and which tests have to notice."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.mutation.here import ROOT

_TEXT: Final = ("tests/unit/license_file",)
# Those that need no database's driver: the hardening environment holds none.
_RULES: Final = tuple(
    f"tests/unit/licensefile/test_{name}.py" for name in ("forging", "mangled", "revocation", "sentences", "standing", "states", "verdict")
)


@dataclass(frozen=True, slots=True)
class Target:
    """One module, and the tests (folders or files) that are run on its mutants."""

    path: str
    tests: tuple[str, ...]

    @property
    def module(self) -> str:
        """Its import name."""
        return self.path.removesuffix(".py").replace("/", ".")

    @property
    def source(self) -> str:
        return Path(ROOT, self.path).read_text("utf-8")


def _text(*names: str) -> list[Target]:
    return [Target(f"shared/license_file/{name}.py", _TEXT) for name in names]


def _rules(*names: str) -> list[Target]:
    return [Target(f"services/licensefile/domain/{name}.py", _RULES) for name in names]


TARGETS: Final = (
    *_text("signature"),
    *_rules("verdict", "history", "lines"),
    *_text("grammar", "words", "values", "attributes", "positional", "lines", "mac"),
    *_rules("offer", "standing", "installed", "cluster", "reasons"),
    *_text("servers", "report", "writing", "composing", "features"),
)
