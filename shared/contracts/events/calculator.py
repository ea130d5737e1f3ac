"""Facts of the calculator: what a device of each type costs."""

from typing import ClassVar

from shared.contracts.base import AnswerBody, Event


class RatedType(AnswerBody):
    """The price of a device type. ``adjunct_units`` is the price of an adjunct, null where it cannot be one; ``model_code``: the number
    by which the product's own exports know it, null where it has none."""

    device_type: str
    label: str
    units: int
    adjunct_units: int | None = None
    model_code: int | None = None


class CataloguePublished(Event):
    """The whole catalogue as it is from ``version`` on; a reader replaces an older one with it."""

    type: ClassVar[str] = "calculator.catalogue-published.v1"

    version: int
    device_types: list[RatedType]

    @property
    def subject(self) -> str:
        return "catalogue"
