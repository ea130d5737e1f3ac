"""Bodies of migrations: the inventory of a 4.x cluster, and what was counted of it."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, AliasChoices, ConfigDict, Field, SkipValidation, StringConstraints, model_validator

from shared.contracts.base import AnswerBody, RequestBody
from shared.contracts.bodies.reconciliations import MOST_INVENTORY_DEVICES
from shared.contracts.fields import NAME_LENGTH, Count, Name, ProductVersion

MOST_INVENTORY_LINES = 1000
"""Device types, or models, that one migration counts: more than any catalogue has."""


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be 1 to 128 printable characters")
    return text


ModelText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=NAME_LENGTH, strip_whitespace=True),
    AfterValidator(_one_line),
]
"""What an export calls the model of a device; a slash may stand in it."""


class DeviceCount(RequestBody):
    """So many devices of one type in a 4.x inventory."""

    device_type: Name
    count: Count


class InventoryRow(RequestBody):
    """A device as a bulk export of 4.x lists it; whatever else the export tells of it is ignored.

    ``model``: a device type, its label or its model code, in capitals or not; also under the name ``device_type``.
    """

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    device: Name = Field(examples=["SEP001122334455"])
    model: ModelText = Field(validation_alias=AliasChoices("model", "device_type"), examples=["Cisco 7970"])


class NewMigration(RequestBody):
    """The inventory of a 4.x cluster that moves to ``to_version``: either counts by device type, or rows, one for each device.

    Rows are as they were sent: whoever reads them validates some thousands at a time, for all at once would hold up everybody else."""

    from_version: ProductVersion = Field(examples=["4.2"])
    to_version: ProductVersion = Field(examples=["5.0"])
    nodes: Count
    devices: list[DeviceCount] | None = Field(default=None, max_length=MOST_INVENTORY_LINES)
    rows: SkipValidation[list[InventoryRow] | None] = Field(default=None, max_length=MOST_INVENTORY_DEVICES)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.devices is None) == (self.rows is None):
            raise ValueError("give either devices (counts by device type) or rows (one for each device)")
        if self.rows is not None and not (isinstance(self.rows, list) and len(self.rows) <= MOST_INVENTORY_DEVICES):
            raise ValueError(f"rows must be a list of at most {MOST_INVENTORY_DEVICES} rows")
        return self


class CoveredType(AnswerBody):
    """Devices of a type that the migration covers, and their price."""

    device_type: str
    count: int
    units_each: int


class UnknownModel(AnswerBody):
    """Devices of a model that stands in no catalogue: counted, and covered by no unit. ``first_rows``: where they stand, 1 being the first
    line of the text or the first of ``rows``; at most ten."""

    model: str
    devices: int
    first_rows: list[int] = Field(default=[])


class Migration(AnswerBody):
    """A cluster's migration: what existing phones and nodes need, granted provisionally until the real license file is installed.

    Of an inventory by rows also ``rows``, what nothing is granted for (``unknown_models``), and how many rows named a device again,
    which is counted once (``repeated_rows``; the first of them in ``first_repeated_rows``)."""

    cluster: str
    migration_id: str
    from_version: str
    to_version: str
    nodes: int
    devices: list[CoveredType]
    total_units: int
    completed: bool = Field(description="Whether the real license file has been installed.")
    created_at: datetime
    unknown_models: list[UnknownModel] = Field(default=[])
    rows: int | None = Field(default=None, description="How many rows the inventory had; null where it gave counts.")
    repeated_rows: int = 0
    first_repeated_rows: list[int] = Field(default=[])
