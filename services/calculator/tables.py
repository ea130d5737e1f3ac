"""The calculator's columns and constraints."""

from sqlalchemy import CheckConstraint, MetaData
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

CALCULATOR = registry(metadata=MetaData(schema="calculator"))


class CalculatorTable(SQLModel, registry=CALCULATOR):
    """Base of this service's tables: its own registry, its own schema."""


class DeviceTypeRow(CalculatorTable, table=True):
    """A device type and its price."""

    __tablename__ = "device_type"
    __table_args__ = (
        CheckConstraint("units >= 0", name="device_type_units_not_negative"),
        CheckConstraint("shipped OR units >= 1", name="device_type_local_costs_something"),
    )

    device_type: str = Field(primary_key=True)
    label: str
    model_code: int | None = None
    units: int
    adjunct_units: int | None = None
    provisional: bool
    source: str
    shipped: bool


class CatalogueRow(CalculatorTable, table=True):
    """The catalogue's version: one row. It rises with every change of any type."""

    __tablename__ = "catalogue"
    __table_args__ = (CheckConstraint("id = 1", name="catalogue_one_row"),)

    id: int = Field(default=1, primary_key=True)
    version: int
    shipped_digest: str
