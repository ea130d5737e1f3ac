"""Bodies of the license files: what is installed, and the verdict on what is offered."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from shared.contracts.base import AnswerBody
from shared.contracts.events.licensefile import FileState, RefusalReason


class LicenseLineBody(AnswerBody):
    """A license line. ``line``: where it stands in the file. ``grants`` is false for what the grammar makes void (a repeated FEATURE)."""

    line: int
    line_id: int | None
    feature: str
    version: str
    units: int | None
    overdraft_units: int
    expires_on: date | None = Field(description="The last day of validity, through 23:59:59 UTC; null for ever.")
    host_ids: list[str]
    original_mac: str | None
    pak: str | None
    order_count: int | None = Field(description="What the whole order holds of this feature.")
    key_id: str | None
    grants: bool


class GrantBody(AnswerBody):
    """What a file adds to the pool of a feature."""

    feature: str
    units: int
    overdraft_units: int


class LicenseFileBody(AnswerBody):
    """A license file. The starter license is listed beside the files, with id and state ``starter``; it has no lines and no content."""

    license_file_id: str
    cluster: str
    file_name: str
    state: FileState | Literal["starter"]
    reason: str = Field(description="Why it is in this state, and what to do.")
    granted: bool = Field(description="Whether its units are in the pools; follows an upload within two seconds.")
    version: int = Field(description="Counts its states.")
    mac: str | None
    lines: list[LicenseLineBody]
    grants: list[GrantBody]
    expires_at: datetime | None
    mismatch_since: datetime | None = Field(description="When it first ceased to fit its cluster; its grace runs from then.")
    grace_ends_at: datetime | None = Field(description="When its units are taken back if it still does not fit; null while it fits.")
    replaces: list[str]
    superseded_by: str | None
    migration_id: str | None
    installed_at: datetime
    installed_by: str
    size_bytes: int | None
    sha256: str | None


class UploadedLicenseFile(LicenseFileBody):
    """A file that was accepted just now."""

    verdict: Literal["accepted"] = "accepted"


class LicenseFileVerdict(AnswerBody):
    """What an upload would be answered. ``reasons`` and ``lines``: at most 100 of all; ``grants``: what all lines say they grant."""

    verdict: Literal["accepted", "refused"]
    license_file_id: str | None
    file_name: str
    reasons: list[RefusalReason]
    reasons_total: int
    lines: list[LicenseLineBody]
    lines_total: int
    grants: list[GrantBody]


class TrustedKey(AnswerBody):
    """A key of the vendor as it lies in the folder of trusted keys, is remembered as revoked, or signed installed files and is absent.

    ``unusable``: a file from which no key can be read; until it is repaired or taken away no license file is judged.
    """

    key_id: str | None = Field(description="`<KeyId>` of the lines it signed; null of an unusable file.")
    file_name: str | None = Field(description="In the folder; null where it is not there any more.")
    state: Literal["trusted", "not_yet_valid", "retired", "revoked", "absent", "unusable"]
    valid_from: date | None = Field(description="The first day (UTC) on which it made files; null for always.")
    valid_until: date | None = Field(description="The last day on which it made files, which stay good; null for ever.")
    revoked_on: date | None = Field(description="As the file that revokes it says.")
    found_revoked_at: datetime | None = Field(description="When its files were first flagged here.")
    reason: str | None = Field(description="Why it is revoked or unusable.")
    license_files: int = Field(description="Files with a line of it that were ever installed.")
    granting_license_files: int = Field(description="Those of them that grant now.")
