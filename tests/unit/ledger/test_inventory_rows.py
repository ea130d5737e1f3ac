"""Rows of an inventory become counts, and nothing is lost on the way."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ledger.domain.inventory_rows import MOST_MODELS, RatedType, Row, Tally, UnknownModel, names_of, normal
from services.ledger.domain.refusals import InvalidInventory

WRONG_COLUMN = ": is that the column of the model?"
TYPES = [
    RatedType("cisco-7970", 5, None, "Cisco 7970", 30006),
    RatedType("cisco-12sp-plus", 1, None, "Cisco 12 SP+", 2),
    RatedType("third-party-sip-basic", 3, None, "Third-party SIP Device (Basic)", 336),
    RatedType("lobby", 2, None, None, None),
]


def tally(rows: Iterable[tuple[str, str]]) -> Tally:
    found = Tally()
    found.take(Row(number, *row) for number, row in enumerate(rows, 1))
    return found


@pytest.mark.parametrize(
    ("said", "device_type"),
    [
        ("cisco-7970", "cisco-7970"), ("CISCO 7970", "cisco-7970"), ("Cisco_7970", "cisco-7970"), ("30006", "cisco-7970"),
        ("Cisco  12 SP+", "cisco-12sp-plus"), ("2", "cisco-12sp-plus"), ("third-party sip device (BASIC)", "third-party-sip-basic"),
        ("Lobby", "lobby"), ("Cisco 79700", None), ("7970", None),
    ],
)  # fmt: skip
def test_a_model_is_found_by_type_label_or_code_in_capitals_or_not(said: str, device_type: str | None) -> None:
    assert names_of(TYPES).get(normal(said)) == device_type


def test_a_types_own_name_goes_before_a_label_and_a_label_before_a_code() -> None:
    found = names_of([*TYPES, RatedType("Cisco 7970 x", 1, None, "cisco-7970", 7), RatedType("n", 1, None, "30006", 9)])
    assert (found["cisco-7970"], found["30006"]) == ("cisco-7970", "n")


def test_what_two_types_are_called_alike_tells_neither() -> None:
    alike = [RatedType("a", 1, None, "Phone", 1), RatedType("b", 9, None, "phone", 1)]
    assert names_of(alike) == {"a": "a", "b": "b"}


def test_unknown_models_are_listed_with_their_devices_and_first_rows() -> None:
    rows = [("p1", "Cisco 7970"), *((f"x{n}", ("Ghost 1", "GHOST  1")[n % 2]) for n in range(12)), ("p2", "30006"), ("y", "Abc")]
    found = tally(rows).sorted_by(TYPES)
    assert found.counts == (("cisco-7970", 2),)
    assert found.unknown == (UnknownModel("Abc", 1, (15,)), UnknownModel("Ghost 1", 12, tuple(range(2, 12))))


def test_a_device_that_is_named_again_is_counted_once_in_capitals_or_not() -> None:
    found = tally([("sep1", "Cisco 7970"), ("SEP1", "cisco-7970"), ("sep2", "Cisco 7970"), ("sep1", "Cisco 7970")])
    assert (found.sorted_by(TYPES).counts, found.rows, found.repeated, found.first_repeated) == ((("cisco-7970", 2),), 4, 2, [2, 4])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "it names no device"),
        ([("a", "Cisco 7970"), ("A", "Cisco 12 SP+")], "line 2 says that A is a Cisco 12 SP+, and line 1 that it is a Cisco 7970"),
        ([("a", "Phone"), ("b", "Gateway")], "none of its models stands in the catalogue (Phone, Gateway)" + WRONG_COLUMN),
        ([(f"d{n}", f"m{n}") for n in range(MOST_MODELS + 1)], "it names more than 1000 models" + WRONG_COLUMN),
    ],
    ids=["nothing", "contradiction", "no_model_known", "too_many_models"],
)  # fmt: skip
def test_what_is_no_inventory_is_refused_with_its_reason(rows: list[tuple[str, str]], said: str) -> None:
    with pytest.raises(InvalidInventory) as refused:
        tally(rows).sorted_by(TYPES)
    assert refused.value.reasons == (said,)


NAMES = st.sampled_from([f"d{n}" for n in range(6)] + ["D1", "D2"])
MODELS = st.sampled_from(["Cisco 7970", "cisco-7970", "30006", "lobby", "Ghost"])


@given(st.lists(st.tuples(NAMES, MODELS), max_size=30))
def test_every_row_is_counted_once_or_the_inventory_is_refused(rows: list[tuple[str, str]]) -> None:
    found = tally(rows)
    said = {name.casefold(): set[str]() for name, _ in rows}
    for name, model in rows:
        said[name.casefold()].add(normal(model))
    known = any(normal(model) in names_of(TYPES) for _, model in rows)
    try:
        result = found.sorted_by(TYPES)
    except InvalidInventory:
        assert not known or any(len(models) > 1 for models in said.values())
        return
    assert sum(count for _, count in result.counts) + sum(model.devices for model in result.unknown) == len(said)
    assert found.repeated == len(rows) - len(said)
