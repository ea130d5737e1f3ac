"""What became of each mutant, kept in build/mutation from one run to the next."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from tests.mutation.here import RESULTS, ROOT
from tests.mutation.targets import Target

Verdict = Literal["killed", "timed out", "survived"]


@dataclass(frozen=True, slots=True)
class Kept:
    """A verdict, and the change it is about."""

    verdict: Verdict
    line: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the mutants of a module."""

    module: str
    verdicts: list[Kept]

    def of(self, verdict: Verdict) -> int:
        return sum(kept.verdict == verdict for kept in self.verdicts)

    @property
    def survivors(self) -> list[Kept]:
        return [kept for kept in self.verdicts if kept.verdict == "survived"]

    def __str__(self) -> str:
        told = f"{self.of('killed')} killed, {self.of('timed out')} timed out, {self.of('survived')} survived"
        return f"{self.module}: {len(self.verdicts)} mutants, {told}"


class Records:
    """A verdict holds while neither the mutant's text nor any test changes.

    ``forget``: no verdict holds. ``survivors_only``: what a test noticed once counts as noticed, though tests changed since.
    """

    def __init__(self, *, forget: bool, survivors_only: bool) -> None:
        self._forget = forget
        self._survivors_only = survivors_only
        RESULTS.mkdir(parents=True, exist_ok=True)

    def known(self, target: Target) -> dict[str, Kept]:
        path = _path(target)
        if self._forget or not path.exists():
            return {}
        text = json.loads(path.read_text("utf-8"))
        known = {key: Kept(**kept) for key, kept in text["verdicts"].items()}
        if text["tests"] == _digest(target):
            return known
        return {key: kept for key, kept in known.items() if self._survivors_only and kept.verdict != "survived"}

    def keep(self, target: Target, known: dict[str, Kept]) -> None:
        text = {"tests": _digest(target), "verdicts": {key: asdict(kept) for key, kept in known.items()}}
        _path(target).write_text(json.dumps(text, indent=1, ensure_ascii=False), "utf-8")


def _path(target: Target) -> Path:
    return RESULTS / f"{target.module}.json"


def _digest(target: Target) -> str:
    digest = hashlib.sha256()
    for test in target.tests:
        path = ROOT / test
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
