"""The seven alarms: what each means and what to do. The text is data (data/alarms.csv); only the names are known here."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

SYSLOG_LEVELS = {"emergency": 0, "alert": 1, "critical": 2, "error": 3, "warning": 4, "notice": 5, "informational": 6, "debug": 7}


class AlarmName(StrEnum):
    """The names as the field knows them."""

    MANAGER_DOWN = "CiscoLicenseManagerDown"
    OVERDRAFT = "CiscoLicenseOverDraft"
    REQUEST_FAILED = "CiscoLicenseRequestFailed"
    DATA_STORE_ERROR = "CiscoLicenseDataStoreError"
    INTERNAL_ERROR = "CiscoLicenseInternalError"
    FILE_ERROR = "CiscoLicenseFileError"
    APPROACHING_LIMIT = "CiscoLicenseApproachingLimit"


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """One entry. ``severity`` is syslog's word, ``level`` its number (0 is gravest)."""

    name: AlarmName
    severity: str
    level: int
    meaning: str
    recommended_action: str

    def __post_init__(self) -> None:
        assert SYSLOG_LEVELS[self.severity] == self.level  # paired with CHECK alarm_level_is_syslogs


Catalogue = Mapping[AlarmName, AlarmKind]


def read_catalogue(text: str) -> Catalogue:
    """The catalogue as shipped: CSV with name, severity, level, meaning, recommended_action."""
    kinds = [
        AlarmKind(AlarmName(row["name"]), row["severity"], int(row["level"]), row["meaning"], row["recommended_action"])
        for row in csv.DictReader(text.splitlines())
    ]
    catalogue = {kind.name: kind for kind in kinds}
    assert set(catalogue) == set(AlarmName), "the rules raise an alarm that the catalogue does not explain, or the other way round"
    return catalogue
