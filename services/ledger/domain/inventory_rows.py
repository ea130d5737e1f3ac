"""An inventory of 4.x by rows, one for each device: counted by model, and the models found in the catalogue. Pure, and linear.

Must not be broken: every row is counted once, as a device of a type, as one of a model that stands in no catalogue, or as a repetition;
``Tally`` asserts it. Names are compared as 4.x did, capitals or not.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from services.ledger.domain.refusals import invalid_inventory

MOST_ROWS_SHOWN = 10
MOST_MODELS = 1_000
"""More than any catalogue has: what names more of them names something else than models."""

_BETWEEN_WORDS = re.compile(r"[\s_-]+")


class Row(NamedTuple):
    """``number``: the line of a text, or the place in a list, from 1."""

    number: int
    device: str
    model: str


class RatedType(NamedTuple):
    """A type of the catalogue and whatever else it is called; ``label`` and ``model_code`` are None where nobody told them."""

    device_type: str
    units: int
    adjunct_units: int | None
    label: str | None
    model_code: int | None


@dataclass(frozen=True, slots=True)
class UnknownModel:
    """Devices of a model that stands in no catalogue: counted, and covered by nothing."""

    model: str
    devices: int
    first_rows: tuple[int, ...]

    def __post_init__(self) -> None:
        assert self.devices > 0  # paired with CHECK migration_unknown_model_has_devices


@dataclass(frozen=True, slots=True)
class Sorted:
    """The rows of a tally: counts by device type, and the models that are none."""

    counts: tuple[tuple[str, int], ...]
    unknown: tuple[UnknownModel, ...]


@dataclass(slots=True)
class _Model:
    shown: str
    devices: int = 0
    first_rows: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """Rows by model as they were read. A device that is named again is counted once; with another model it is a contradiction."""

    rows: int = 0
    repeated: int = 0
    first_repeated: list[int] = field(default_factory=list)
    _models: dict[str, _Model] = field(default_factory=dict)
    _devices: dict[str, tuple[int, str]] = field(default_factory=dict)
    _wrong: list[str] = field(default_factory=list)

    def take(self, rows: Iterable[Row]) -> None:
        """Raises InvalidInventory for what cannot be an inventory whatever follows."""
        for number, device, model in rows:
            self.rows += 1
            key, name = normal(model), device.casefold()
            if (earlier := self._devices.get(name)) is not None:
                self._repeat(number, device, model, earlier)
                continue
            self._devices[name] = (number, key)
            found = self._models.get(key)
            if found is None:
                found = self._new_model(key, model)
            found.devices += 1
            if len(found.first_rows) < MOST_ROWS_SHOWN:
                found.first_rows.append(number)

    def refuse(self, reason: str) -> None:
        """Note what makes the whole inventory unusable, so that all of it is told at once."""
        self._wrong.append(reason)

    def sorted_by(self, types: Iterable[RatedType]) -> Sorted:
        """Raises InvalidInventory: nothing to count, a contradiction, or not one model that is known."""
        if self._wrong:
            raise invalid_inventory(self._wrong)
        if not self.rows:
            raise invalid_inventory(["it names no device"])
        called, counts, unknown = names_of(types), Counter[str](), []
        for key, model in self._models.items():
            if device_type := called.get(key):
                counts[device_type] += model.devices
            else:
                unknown.append(UnknownModel(model.shown, model.devices, tuple(model.first_rows)))
        assert counts.total() + sum(model.devices for model in unknown) + self.repeated == self.rows
        if not counts:
            some = ", ".join(model.model for model in unknown[:MOST_ROWS_SHOWN])
            raise invalid_inventory([f"none of its models stands in the catalogue ({some}): is that the column of the model?"])
        return Sorted(tuple(sorted(counts.items())), tuple(sorted(unknown, key=lambda model: model.model)))

    def _new_model(self, key: str, model: str) -> _Model:
        if len(self._models) == MOST_MODELS:
            raise invalid_inventory([f"it names more than {MOST_MODELS} models: is that the column of the model?"])
        found = self._models[key] = _Model(" ".join(model.split()))
        return found

    def _repeat(self, number: int, device: str, model: str, earlier: tuple[int, str]) -> None:
        first, key = earlier
        if key != normal(model):
            said = self._models[key].shown
            self._wrong.append(f"line {number} says that {device} is a {model}, and line {first} that it is a {said}")
        self.repeated += 1
        if len(self.first_repeated) < MOST_ROWS_SHOWN:
            self.first_repeated.append(number)


def normal(name: str) -> str:
    """A model as it is compared: capitals or not, and whatever stands between its words."""
    return _BETWEEN_WORDS.sub("-", name.casefold())


def names_of(types: Iterable[RatedType]) -> Mapping[str, str]:
    """Device types by all that they are called. A type's own name goes before a label, a label before a model code; what two types
    are called alike tells neither of them."""
    known = list(types)
    found: dict[str, str] = {}
    for called in (
        [(t.device_type, t.device_type) for t in known],
        [(t.label, t.device_type) for t in known if t.label],
        [(str(t.model_code), t.device_type) for t in known if t.model_code is not None],
    ):
        keys = [(normal(name), device_type) for name, device_type in called]
        often = Counter(key for key, _ in keys)
        found |= {key: device_type for key, device_type in keys if key not in found and often[key] == 1}
    return found
