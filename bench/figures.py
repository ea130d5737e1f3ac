"""What was measured, beside what it is compared with, in the form in which it is printed and written.

Must not be broken: measured and reference run in turns (A B A B) and a ratio is the median of the ratios of the turns, so that a machine
that becomes slower meanwhile does not decide.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.percentiles import Spread, spread_of


@dataclass(frozen=True)
class Sample:
    """One run: how many a second, and how long each took in seconds."""

    rate: float
    took: Sequence[float]

    @property
    def p50(self) -> float:
        """Seconds."""
        return median(self.took)


Run = Callable[[], Awaitable[Sample]]


@dataclass(frozen=True)
class Target:
    """What is wanted, and whether it is so."""

    wanted: str
    met: bool


@dataclass(frozen=True)
class Figure:
    """A measured value. ``ratio`` is to ``reference``, ``ratios`` those of the single turns; ``checked``: what was counted afterwards."""

    what: str
    value: float
    unit: str
    checked: str
    spread: Spread | None = None
    reference: str = ""
    reference_value: float | None = None
    reference_spread: Spread | None = None
    ratio: float | None = None
    ratios: list[float] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)


@dataclass
class Section:
    """Figures that belong together. ``failed``: what was lost, or why there are not all of them; ``missing``: what this machine lacks."""

    name: str
    figures: list[Figure] = field(default_factory=list)
    failed: str = ""
    missing: str = ""
    seconds: float = 0.0


class NotMeasured(Exception):
    """Something that has to be there to measure is not there."""


class Lost(Exception):
    """Something acknowledged is not there, or there twice: no figure counts any more."""


async def in_turns(rounds: int, *runs: Run) -> list[list[Sample]]:
    """The samples of each run; all run once in the first round, once in the second, and so on."""
    samples: list[list[Sample]] = [[] for _ in runs]
    for _ in range(rounds):
        for run, kept in zip(runs, samples, strict=True):
            kept.append(await run())
    return samples


def rate_of(samples: Sequence[Sample]) -> float:
    """The median, a second."""
    return round(median(sample.rate for sample in samples), 1)


def spread_over(samples: Sequence[Sample]) -> Spread:
    """Of all turns together."""
    return spread_of([seconds for sample in samples for seconds in sample.took])


def compared(what: str, measured: Sequence[Sample], reference: str, references: Sequence[Sample], checked: str) -> Figure:
    """A figure of rates, without targets."""
    ratios = [round(one.rate / other.rate, 3) for one, other in zip(measured, references, strict=True)]
    return Figure(
        what=what,
        value=rate_of(measured),
        unit="/s",
        checked=checked,
        spread=spread_over(measured),
        reference=reference,
        reference_value=rate_of(references),
        reference_spread=spread_over(references),
        ratio=round(median(ratios), 3),
        ratios=ratios,
    )


def at_least(value: float, wanted: float, unit: str) -> Target:
    return Target(f"≥ {wanted:g} {unit}", value >= wanted)


def at_most(value: float, wanted: float, unit: str) -> Target:
    return Target(f"≤ {wanted:g} {unit}", value <= wanted)


def several(number: int, noun: str) -> str:
    """``1 connection``, ``8 connections``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
