"""Tells what survived, and writes ``docs/mutation.md`` when every module was tried."""

import sys
from collections.abc import Iterator, Sequence

from tests.mutation.accepted import ACCEPTED
from tests.mutation.here import ROOT
from tests.mutation.verdicts import Counts, Kept

REPORT = ROOT / "docs" / "mutation.md"
_INTRODUCTION = """# Mutation testing of grammar, signature and verdict

Written by `make mutate`. Every line of these modules was changed in every small way that mutmut's operators know (a comparison
turned, a number one higher, an argument left out, a text changed, …), in functions, in properties and in the tables at module
level, and the unit tests of its room were run on each change. *Killed*: a test failed. *Timed out*: a test took more than 20 s of
processor time, as it does where a loop never ends. A survivor is listed below with the reason why no test can or should notice it;
one without a reason fails the target.
"""


def write_report(counts: Sequence[Counts], *, whole: bool) -> int:
    """1 if a mutant survived that nobody answered for."""
    strange = [(of.module, kept) for of in counts for kept in of.survivors if _reason(of.module, kept) is None]
    for module, kept in strange:
        sys.stdout.write(f"survived: {module}:{kept.line}\n  - {kept.before}\n  + {kept.after}\n")
    if whole:
        REPORT.write_text("\n".join([_INTRODUCTION, *_table(counts), "", *_survivors(counts)]) + "\n", "utf-8")
    return 1 if strange else 0


def _reason(module: str, kept: Kept) -> str | None:
    return next((why for before, after, why in ACCEPTED.get(module, ()) if before in kept.before and after in kept.after), None)


def _table(counts: Sequence[Counts]) -> Iterator[str]:
    yield "| module | mutants | killed | timed out | survived |"
    yield "|---|---:|---:|---:|---:|"
    for of in counts:
        yield f"| `{of.module}` | {len(of.verdicts)} | {of.of('killed')} | {of.of('timed out')} | {of.of('survived')} |"
    total = [kept.verdict for of in counts for kept in of.verdicts]
    yield f"| all | {len(total)} | {total.count('killed')} | {total.count('timed out')} | {total.count('survived')} |"


def _survivors(counts: Sequence[Counts]) -> Iterator[str]:
    yield "## Survivors, and why they do not matter"
    for of in counts:
        if of.survivors:
            yield f"\n### `{of.module}`\n"
        for kept in of.survivors:
            yield f"- line {kept.line}: {_reason(of.module, kept) or 'NOBODY ANSWERED FOR THIS ONE'}"
            yield f"  - `{kept.before}`"
            yield f"  - `{kept.after}`"
