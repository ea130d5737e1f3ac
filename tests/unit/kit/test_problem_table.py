"""A service's problem table is refused where a problem could not be written."""

from dataclasses import dataclass

import pytest

from shared.kit.problems import NotFound, ProblemTable, Rule


@dataclass
class Wrong(Exception):
    status: int


class Refused(Exception):
    pass


def test_a_field_named_like_a_member_that_every_problem_has_is_refused_at_the_start() -> None:
    with pytest.raises(AssertionError, match=r"Wrong: rename \['status'\]"):
        ProblemTable({Wrong: Rule("wrong", 422, "Wrong")})


def test_recorded_are_those_whose_rule_says_so() -> None:
    table = ProblemTable({Refused: Rule("refused", 409, "Refused", recorded=True)})
    assert table.recorded == (Refused,)
    assert table.rules[NotFound].status == 404
