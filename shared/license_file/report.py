"""Collects the faults of one line, each at its place in the file. A line's list is bounded, so that garbage stays cheap."""

from typing import Final

from shared.license_file.lines import Fault
from shared.license_file.words import JoinedLine

SYNTAX: Final = "syntax"
INVALID_SERVER_LINE: Final = "invalid_server_line"
INVALID_VENDOR_LINE: Final = "invalid_vendor_line"
INVALID_COUNT: Final = "invalid_count"
INVALID_DATE: Final = "invalid_date"
MOST_FAULTS_OF_A_LINE: Final = 20


class Report:
    """The faults of one joined line so far."""

    def __init__(self, joined: JoinedLine) -> None:
        self._joined = joined
        self.faults: list[Fault] = []

    @property
    def full(self) -> bool:
        return len(self.faults) >= MOST_FAULTS_OF_A_LINE

    def line_of(self, at: int) -> int:
        """The line in the file of a position in the joined text."""
        return self._joined.place(at)[0]

    def add(self, at: int, text: str, code: str | None = None) -> None:
        """One defect: `syntax`, and the specific code beside it if there is one."""
        line, column = self._joined.place(at)
        self.faults.append(Fault(line, column, SYNTAX, text))
        if code:
            self.faults.append(Fault(line, column, code, text))
