"""What a run of the suite measured: one row for each fault, printed at the end and written as JSON."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.house import ROOT

WHERE = "LICENSING_FAULTS_RESULTS"
"""Names the JSON file in the environment; left out, it is build/faults.json."""


@dataclass(frozen=True)
class Row:
    """One fault. Seconds; ``answers_after``: from the end of the cause until all callers are answered again; ``settled_after``: until every
    event is handled and every alarm of the fault is cleared; None where the case has no load."""

    fault: str
    acknowledged: int
    unavailable: int
    unknown: int
    longest_answer: float
    longest_gap: float
    answers_after: float | None
    settled_after: float | None


@dataclass
class Table:
    """The rows so far."""

    rows: list[Row] = field(default_factory=list)

    def text(self) -> str:
        """For people."""
        heads = ("fault", "acknowledged", "503", "unknown", "longest answer s", "longest gap s", "answers after s", "settled after s")
        lines = [heads, *(tuple(_shown(value) for value in asdict(row).values()) for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
        return "\n".join("  ".join(_aligned(cell, widths[n], n) for n, cell in enumerate(line)).rstrip() for line in lines)

    def write(self) -> Path:
        """For programs; the file."""
        path = Path(os.environ.get(WHERE) or ROOT / "build" / "faults.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([asdict(row) for row in self.rows], indent=1) + "\n")
        return path


def _shown(value: str | float | None) -> str:
    return "–" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)
