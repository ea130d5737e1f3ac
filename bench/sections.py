"""The sections of the report: measured one after the other, each shown as soon as it is there."""

import sys
import time
import traceback
from collections.abc import Awaitable, Callable

from rich.console import Console
from rich.table import Table

from bench.figures import Figure, Lost, Section
from bench.percentiles import Spread
from tests.debian import NotInstalled

Measure = Callable[[], Awaitable[Section]]
Say = Callable[[Section], None]
_HEADS = ("value", "p50 ms", "p95", "p99", "reference", "value", "p50 ms", "ratio", "wanted", "")


async def told(name: str, measure: Measure, say: Say) -> Section:
    """The section; one that lost something or broke says so, and the others are measured all the same."""
    began = time.perf_counter()
    try:
        section = await measure()
    except Lost as lost:
        section = Section(name, failed=f"LOST: {lost}")
    except NotInstalled as missing:
        section = Section(name, missing=str(missing))
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        section = Section(name, failed=repr(error))
    section.seconds = round(time.perf_counter() - began, 1)
    say(section)
    return section


def show(section: Section) -> None:
    """For people."""
    console = Console(width=None if sys.stdout.isatty() else 200)
    table = Table(title=f"{section.name} ({section.seconds:g} s)", title_justify="left")
    table.add_column("", no_wrap=True)
    for head in _HEADS:
        table.add_column(head, justify="left" if head in ("reference", "wanted") else "right", no_wrap=True)
    for figure in section.figures:
        table.add_row(*_row(figure))
    console.print(table if section.figures else section.name)
    for checked in dict.fromkeys(figure.checked for figure in section.figures):
        console.print(f"  counted: {checked}", highlight=False, soft_wrap=True)
    if section.failed:
        console.print(f"  FAILED: {section.failed}", style="red", highlight=False, soft_wrap=True)
    if section.missing:
        console.print(f"  NOT MEASURED: {section.missing}", style="yellow", highlight=False, soft_wrap=True)
    console.print()


def _row(figure: Figure) -> list[str]:
    ours, theirs = _spread(figure.spread), _spread(figure.reference_spread)
    compared = [figure.reference, f"{figure.reference_value:,g}" if figure.reference_value is not None else "", theirs[0]]
    ratio = f"{figure.ratio:g}" if figure.ratio is not None else ""
    wanted = [", ".join(target.wanted for target in figure.targets), ", ".join("yes" if target.met else "no" for target in figure.targets)]
    return [figure.what, f"{figure.value:,g} {figure.unit}", *ours, *compared, ratio, *wanted]


def _spread(spread: Spread | None) -> list[str]:
    return [f"{spread.p50:g}", f"{spread.p95:g}", f"{spread.p99:g}"] if spread else ["", "", ""]
