"""Bodies of the registration desk: orders, PAKs, license files made, re-hosts."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from shared.contracts.base import AnswerBody, RequestBody
from shared.contracts.fields import Email, LicenseFileId, MacText, Name, ProductVersion

LicenseCount = Annotated[int, Field(ge=0, le=999_999_999, strict=True)]
"""Nodes or units: a license line holds at most nine digits."""

PakText = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,32}$")]
"""A PAK; small letters are read as capitals."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable characters in one line")
    return text


Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True), AfterValidator(_printable)]


class NewOrder(RequestBody):
    """An order. ``expires``: the last day of temporary licenses; without it they are permanent."""

    customer: Name = Field(examples=["Example Ltd"])
    email: Email = Field(examples=["it@example.com"])
    product_version: ProductVersion = Field(examples=["5.0"])
    nodes: LicenseCount = Field(examples=[20])
    units: LicenseCount = Field(examples=[20000])
    split: Literal["by_policy", "allowed", "denied"] = Field(
        default="by_policy", description="May the PAK be split? `by_policy`: when the order is large enough."
    )
    expires: date | None = None


class UnlicensedModel(AnswerBody):
    """Devices that a migration file names by a model of no catalogue: nothing is licensed for them."""

    model: str
    devices: int


class OrderBody(AnswerBody):
    """An order as it stands. ``pak``: null until approved. On the free order of a migration it stays null and ``migration_id`` is set."""

    order_id: str
    customer: str
    email: str
    product_version: str
    nodes: int
    units: int
    remaining_nodes: int
    remaining_units: int
    split: Literal["by_policy", "allowed", "denied"]
    expires: date | None
    status: Literal["requested", "approved"]
    pak: str | None
    split_allowed: bool = Field(description="Decided at the approval; false before it.")
    migration_id: str | None
    source_cluster: str | None
    unknown_models: list[UnlicensedModel] = Field(default=[])
    requested_by: str
    requested_at: datetime
    approved_by: str | None
    approved_at: datetime | None


class Registration(AnswerBody):
    """A license file that was made; its bytes are under ``/v1/registrations/{license_file_id}/license-file``."""

    license_file_id: str = Field(examples=["20260314092653589"])
    file_name: str
    mac: str
    nodes: int
    units: int
    overdraft_units: int
    sha256: str = Field(description="Of the file's bytes.")


class Rehost(Registration):
    """A license file made in place of another."""

    replaces: str = Field(description="The license file that grants nothing once this one is installed.")


class MadeLicenseFile(Registration):
    """A license file with its history. ``replaces`` and ``reason`` stand on a re-host; ``replaced_by`` on what was re-hosted."""

    order_id: str
    share: int
    original_mac: str
    email: str
    replaces: str | None
    replaced_by: str | None
    reason: str | None
    made_by: str
    made_at: datetime


class Pak(AnswerBody):
    """A PAK: what was bought with it, what remains, and the license files made from it (the first 200; all by listing registrations)."""

    pak: str
    order_id: str
    customer: str
    product_version: str
    nodes: int
    units: int
    remaining_nodes: int
    remaining_units: int
    split_allowed: bool
    expires: date | None
    license_files: list[MadeLicenseFile]
    license_files_total: int


class NewRegistration(RequestBody):
    """A share of a PAK (what is left out of nodes and units is all that remains), or a migration file."""

    pak: PakText | None = Field(default=None, examples=["7K2M9QX4TB"])
    migration_file: Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)] | None = Field(
        default=None, description="The XML text of View File after a migration."
    )
    mac: MacText = Field(examples=["00:15:c5:f3:a1:b2"])
    email: Email
    nodes: LicenseCount | None = None
    units: LicenseCount | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.pak is None) == (self.migration_file is None):
            raise ValueError("give either pak or migration_file")
        if self.migration_file is not None and (self.nodes is not None or self.units is not None):
            raise ValueError("nodes and units stand in the migration file; leave them out")
        return self


class NewRehost(RequestBody):
    """The same license for another server, and why."""

    license_file_id: LicenseFileId
    mac: MacText
    email: Email
    reason: Reason = Field(examples=["the first node failed"])
