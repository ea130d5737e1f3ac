"""Turns, ratios and percentiles."""

import pytest

from bench.figures import Sample, at_least, at_most, compared, in_turns
from bench.percentiles import spread_of


async def test_measured_and_reference_run_in_turns() -> None:
    order: list[str] = []

    async def ours() -> Sample:
        order.append("A")
        return Sample(1, [1])

    async def theirs() -> Sample:
        order.append("B")
        return Sample(2, [1])

    measured, references = await in_turns(2, ours, theirs)
    assert order == ["A", "B", "A", "B"]
    assert ([s.rate for s in measured], [s.rate for s in references]) == ([1, 1], [2, 2])


def test_the_ratio_is_the_median_of_the_turns_ratios() -> None:
    measured, references = (
        [Sample(100, [0.01]), Sample(10, [0.1]), Sample(300, [0.003])],
        [Sample(50, [1]), Sample(20, [1]), Sample(100, [1])],
    )
    figure = compared("what", measured, "reference", references, "counted")
    assert (figure.ratios, figure.ratio, figure.value, figure.reference_value) == ([2.0, 0.5, 3.0], 2.0, 100, 50)


def test_percentiles_are_measured_values_in_milliseconds() -> None:
    spread = spread_of([number / 1000 for number in range(1, 201)])
    assert (spread.samples, spread.p50, spread.p95, spread.p99, spread.longest) == (200, 100, 190, 198, 200)
    with pytest.raises(ValueError, match="nothing was measured"):
        spread_of([])


def test_a_target_is_met_at_its_value_and_not_beside_it() -> None:
    assert (at_least(2.0, 2, "×").met, at_least(1.999, 2, "×").met) == (True, False)
    assert (at_most(2.0, 2, "×").met, at_most(2.001, 2, "×").met) == (True, False)
