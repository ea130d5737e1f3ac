"""RequestFailed: the refusal that stands is the same whatever the order in which the pool's facts arrive."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alarms.domain.refusals import WINDOW_MOMENTS, RefusalWindow

Fact = tuple[str, int, int]
"""``refused`` version asked, or ``changed`` version free."""


def window_after(facts: list[Fact]) -> RefusalWindow:
    window = RefusalWindow()
    for what, version, units in facts:
        window = window.refused(version, units) if what == "refused" else window.changed(version, units)
    return window


@pytest.mark.parametrize(
    ("facts", "smallest"),
    [
        ([], None),
        ([("refused", 4, 5)], 5),
        ([("refused", 4, 5), ("refused", 4, 3), ("refused", 4, 9)], 3),
        ([("refused", 4, 5), ("changed", 5, 4)], 5),
        ([("refused", 4, 5), ("changed", 5, 5)], None),
        ([("refused", 4, 5), ("refused", 4, 3), ("changed", 5, 3)], None),
        ([("refused", 4, 5), ("changed", 3, 50)], 5),
        ([("refused", 4, 5), ("changed", 5, 9), ("changed", 6, 0)], None),
        ([("refused", 4, 5), ("changed", 5, 9), ("refused", 6, 12)], 12),
        ([("refused", 4, 5), ("changed", 4, 2)], 5),
        ([("refused", 4, 5), ("changed", 4, 7)], None),
        ([("refused", 4, 5), ("changed", 4, 7), ("refused", 4, 8)], 8),
        ([("refused", 4, 1), ("changed", 5, -3)], 1),
    ],
)
def test_a_request_stays_failed_until_the_smallest_one_refused_fits(facts: list[Fact], smallest: int | None) -> None:
    for seed in range(10):
        random.Random(seed).shuffle(facts)
        assert window_after(facts).smallest == smallest


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Fact], int | None]:
    """What a pool tells in its true order, and the refusal that stands at the end by the rule as it is written."""
    size, used = draw(st.integers(0, 20)), 0
    facts: list[Fact] = []
    standing: int | None = None
    steps = st.tuples(st.integers(1, 8), st.integers(0, 8), st.integers(-4, 4))
    for version, (asked, given_back, bought) in enumerate(draw(st.lists(steps, max_size=14))):
        if asked > size - used:
            facts.append(("refused", version, asked))
            standing = asked if standing is None else min(standing, asked)
        else:
            used += asked
        used, size = max(0, used - given_back), max(0, size + bought)
        facts.append(("changed", version + 1, size - used))
        if standing is not None and size - used >= standing:
            standing = None
    return facts, standing


@given(histories(), st.randoms(use_true_random=False))
def test_no_order_of_arrival_changes_which_refusal_stands(history: tuple[list[Fact], int | None], chance: random.Random) -> None:
    facts, standing = history
    assert window_after(facts).smallest == standing
    arrived = list(facts)
    chance.shuffle(arrived)
    assert window_after(arrived).smallest == standing
    assert window_after([*arrived, *arrived]).smallest == standing, "a fact said twice"


def test_the_window_is_bounded_and_keeps_what_stood_before_it() -> None:
    filled = window_after([("refused", 0, 5), *(("changed", version, 1) for version in range(1, 10 * WINDOW_MOMENTS))])
    assert len(filled.moments) == WINDOW_MOMENTS
    assert filled.smallest == 5
    assert filled.changed(3, 100) == filled, "too late to be judged"
    assert filled.changed(10 * WINDOW_MOMENTS, 5).smallest is None
    crowded = window_after([("refused", 1, asked) for asked in range(100, 0, -1)])
    assert len(crowded.moments[0].asked) < 20
    assert crowded.smallest == 1


def test_a_forgiven_refusal_stands_no_more_but_a_new_one_of_the_same_version_does() -> None:
    filled = window_after([("refused", 4, 5), ("changed", 4, 2)]).forgiven()
    assert filled.smallest is None
    assert filled.refused(4, 6).smallest == 6
    assert filled.refused(4, 2).smallest is None
