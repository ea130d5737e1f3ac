"""Facts of the license files on the customer's side: what was installed, refused, and what became of it."""

from datetime import datetime
from typing import ClassVar, Literal

from shared.contracts.base import AnswerBody, Event

FileState = Literal["installed", "superseded", "expired", "host_mismatch", "version_mismatch", "retired", "grace_exceeded", "key_revoked"]
"""``host_mismatch`` and ``version_mismatch`` still grant, until their grace ends; of the others only ``installed`` grants,
and ``key_revoked`` where a setting says so."""


class GrantLine(AnswerBody):
    """What one line of a file grants. ``feature``: PHONE_UNIT, CCM_NODE or SW_FEATURE; ``major``: major product version of the line."""

    line_id: int
    feature: str
    units: int
    overdraft_units: int
    major: int


class LicenseFileInstalled(Event):
    """A file was accepted; it grants its lines once. One fact with the re-host: what ``replaces`` names grants nothing from now on.

    ``replaces``: LicFileIDs of all its ancestors, the direct one first. ``migration_id``: set on a file made from a migration file.
    """

    type: ClassVar[str] = "licensefile.license-file-installed.v1"

    cluster: str
    license_file_id: str
    version: int
    file_name: str
    mac: str
    installed_at: datetime
    expires_at: datetime | None
    lines: list[GrantLine]
    replaces: list[str]
    migration_id: str | None = None

    @property
    def subject(self) -> str:
        return f"{self.cluster}/{self.license_file_id}"


class RefusalReason(AnswerBody):
    """Why a file was refused: a code of the public vocabulary, the line where there is one, and a sentence for the administrator."""

    code: str
    line: int | None = None
    text: str


class LicenseFileRefused(Event):
    """A file was offered to a cluster and refused; a mere verification is no refusal."""

    type: ClassVar[str] = "licensefile.license-file-refused.v1"

    cluster: str
    file_name: str
    refused_at: datetime
    reasons: list[RefusalReason]

    @property
    def subject(self) -> str:
        return f"{self.cluster}/{self.file_name}"


class LicenseFileStateChanged(Event):
    """An installed file changed its state. ``granting`` says whether its units stay; false takes them back, once.

    ``version`` counts the states of this file: a reader ignores an older one.
    """

    type: ClassVar[str] = "licensefile.license-file-state-changed.v1"

    cluster: str
    license_file_id: str
    version: int
    state: FileState
    granting: bool
    reason: str
    grace_ends_at: datetime | None = None
    changed_at: datetime

    @property
    def subject(self) -> str:
        return f"{self.cluster}/{self.license_file_id}"
