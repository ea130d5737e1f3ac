"""Why a file is refused: a code of the public vocabulary, the line where there is one, and a sentence for the administrator."""

from dataclasses import dataclass

MOST_REASONS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Reason:
    """``line``: in the file, from 1. ``text`` says what is wrong, with the values, and what to do."""

    code: str
    line: int | None
    text: str


@dataclass
class LicenseFileRefused(Exception):
    """The file is not acceptable. ``reasons``: at most 100 of ``reasons_total``."""

    file_name: str
    reasons: tuple[Reason, ...]
    reasons_total: int

    def __str__(self) -> str:
        more = f" ({self.reasons_total} reasons in all)" if self.reasons_total > 1 else ""
        return f"{self.file_name!r} was refused and nothing of it was stored: {self.reasons[0].text}{more}"


def refused(file_name: str, reasons: tuple[Reason, ...]) -> LicenseFileRefused:
    """The refusal with no more reasons than one reads."""
    return LicenseFileRefused(file_name, reasons[:MOST_REASONS_SHOWN], len(reasons))
