"""``python -m bench [--quick] [--strict] [--only PART] [--out FILE]``: measure, print tables, write JSON.

Ends with 1 where something was lost or a part could not be measured as it should; what was wanted and not reached is said, and ends it
with 1 under --strict only.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench import alarms, reading
from bench.figures import Section
from bench.ledger import report, scale
from bench.sections import show
from tests.house import ROOT

RESULTS = ROOT / "build" / "bench"
PARTS = ("ledger", "alarms", "reading")


@dataclass
class Results:
    """What was measured, and on what."""

    measured_at: str
    quick: bool
    machine: dict[str, object] = field(default_factory=dict)
    sections: list[Section] = field(default_factory=list)

    @property
    def lost(self) -> bool:
        return any(section.failed for section in self.sections)

    @property
    def missed(self) -> list[str]:
        """What was wanted and is not so, or was not measured."""
        missed = [f"{s.name}: {f.what}: {t.wanted}" for s in self.sections for f in s.figures for t in f.targets if not t.met]
        return missed + [f"{section.name}: {section.missing}" for section in self.sections if section.missing]


async def run(parts: Sequence[str], *, quick: bool) -> Results:
    """The parts, in their order."""
    results = Results(datetime.now(UTC).isoformat(timespec="seconds"), quick)
    if "ledger" in parts:
        results.machine, results.sections = await report.report(scale.QUICK if quick else scale.FULL, show)
    if "alarms" in parts:
        results.sections += await alarms.report(alarms.QUICK if quick else alarms.FULL, show)
    if "reading" in parts:
        results.sections += await reading.report(reading.QUICK if quick else reading.FULL, show)
    return results


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers, below two minutes")
    parser.add_argument("--strict", action="store_true", help="end with 1 also where a target is missed")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part alone; may be given more than once")
    parser.add_argument("--out", type=Path, help="the JSON file; default: build/bench/<time>.json")
    arguments = parser.parse_args()
    results = asyncio.run(run(arguments.only or PARTS, quick=arguments.quick))
    path: Path = arguments.out or RESULTS / f"{results.measured_at.replace(':', '')}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(results), indent=1, ensure_ascii=False) + "\n", "utf-8")
    if results.machine:
        sys.stdout.write(f"Safe on disk: {results.machine['fsync_microseconds']} µs ({results.machine['fsync_by']}), before and after.\n")
    for missed in results.missed:
        sys.stdout.write(f"not reached: {missed}\n")
    sys.stdout.write(f"{'SOMETHING FAILED' if results.lost else 'Nothing was lost'}. Written to {path}\n")
    return 1 if results.lost or (arguments.strict and results.missed) else 0


if __name__ == "__main__":
    sys.exit(main())
