"""What is counted after a figure finds what was lost and what was given twice."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bench.figures import Lost
from bench.ledger.load import Answered
from bench.ledger.postgres import Postgres
from bench.ledger.tally import Tally


@dataclass(frozen=True)
class Told(Postgres):
    """A database that says what it was told to say, by a word of the statement."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    async def ask(self, statement: str, *values: Any) -> list[Any]:
        return next(rows for word, rows in self.rows.items() if word in statement)


def tally(names: list[str], used: int = 2, held: int = 2, journal: int = 2) -> Tally:
    rows: dict[str, list[dict[str, Any]]] = {"LIKE": [{"device": name} for name in names], "journal_entry": [{"used": journal}]}
    rows["ledger.pool"] = [{"used": used, "held": held}]
    return Tally(Told(Path(), Path(), Path(), "", rows))


ACKNOWLEDGED = Answered(asked=[1, 1], took=[0.1, 0.1], seconds=1)
"""Two connections, one check-out each."""


async def told_of(made: Tally) -> str:
    load = made.check_outs("c", 1, {}, 2, 1)
    await made.acknowledged("c", load, ACKNOWLEDGED)
    return await made.check("c")


async def test_what_agrees_is_counted() -> None:
    made = tally(["SEP0001-000-0000000", "SEP0001-001-0000000"])
    assert await told_of(made) == "acknowledged = used = holdings = journal = 2"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["SEP0001-000-0000000"], "1 acknowledged and not there, 0 there"),
        (["SEP0001-000-0000000", "SEP0001-001-0000000", "SEP0001-001-0000001"], "0 acknowledged and not there, 1 there"),
    ],
)
async def test_a_device_that_is_missing_or_too_many_is_named(names: list[str], message: str) -> None:
    with pytest.raises(Lost, match=message):
        await told_of(tally(names))


@pytest.mark.parametrize("wrong", [{"used": 3}, {"held": 1}, {"journal": 1}])
async def test_pool_holdings_and_journal_must_agree(wrong: dict[str, int]) -> None:
    with pytest.raises(Lost, match="'acknowledged': 2"):
        await told_of(tally(["SEP0001-000-0000000", "SEP0001-001-0000000"], **wrong))
