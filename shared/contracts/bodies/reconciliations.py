"""Bodies of reconciliations: a cluster's inventory against the ledger."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.contracts.base import AnswerBody

LARGEST_INVENTORY_BYTES = 16 * 1024 * 1024
MOST_INVENTORY_DEVICES = 100_000

ReconciliationState = Literal["receiving", "received", "compared", "applying", "applied", "reverting", "reverted", "failed"]
DifferenceKind = Literal["missing", "ghost", "wrong_type", "re_price", "elsewhere", "problem"]
DifferenceOutcome = Literal["applied", "unchanged", "refused", "changed", "reverted", "left"]


class DevicesAndUnits(AnswerBody):
    """So many devices, and so many units."""

    devices: int = 0
    units: int = 0


class DifferenceSums(AnswerBody):
    """How the ledger differs from the inventory, at today's prices. Units: of `ghost` and `elsewhere`, what they hold; of the others,
    what the devices of the inventory cost."""

    missing: DevicesAndUnits = Field(description="In the inventory, and hold nothing.")
    ghost: DevicesAndUnits = Field(description="Hold units, and are not in the inventory.")
    wrong_type: DevicesAndUnits = Field(description="Hold the units of another type.")
    elsewhere: DevicesAndUnits = Field(description="Another cluster holds units for them too; told, never changed.")
    re_price: DevicesAndUnits = Field(description="Of the right type, at another price than today's.")


class ReconciliationProgress(AnswerBody):
    """Of the step under way: lines or devices that are done."""

    done: int
    total: int


class Reconciliation(AnswerBody):
    """An inventory, compared with the ledger. ``outcomes``: what became of its differences, by outcome."""

    reconciliation_id: str
    cluster: str
    dry_run: bool
    state: ReconciliationState
    progress: ReconciliationProgress
    devices: int = Field(description="Lines of the inventory.")
    differences: DifferenceSums
    problems: int = Field(description="Lines that say nothing that can be done; they are listed as differences of kind `problem`.")
    units_change: int = Field(description="Units that applying it takes in all; negative: gives back.")
    outcomes: dict[DifferenceOutcome, int]
    failure: str | None
    created_at: datetime
    changed_at: datetime


class HeldUnits(AnswerBody):
    """A device type and its units."""

    device_type: str
    units: int
    adjunct_of: str | None = None


class DifferenceProblem(AnswerBody):
    """Why nothing can be, or was, done."""

    type: str = Field(examples=["urn:licensing:problem:units-exhausted"])
    detail: str


class ReconciliationDifference(AnswerBody):
    """A device on which ledger and inventory differ. ``held``: what it holds, or held when it was applied; ``wanted``: what it should
    hold, or got. ``outcome``: applied, unchanged (was right already), refused, changed (is another than was compared, so it was left),
    reverted, left (applied and not taken back); null before."""

    number: int
    kind: DifferenceKind
    device: str | None
    line: int | None = Field(description="Of the inventory; in JSON, the number of the device.")
    held: HeldUnits | None
    wanted: HeldUnits | None
    other_cluster: str | None = Field(description="Of `elsewhere`: the cluster that holds it too.")
    outcome: DifferenceOutcome | None
    problem: DifferenceProblem | None
