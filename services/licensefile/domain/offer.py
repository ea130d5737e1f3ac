"""A file as somebody offers it, read and its signatures checked: all that a verdict needs and that asks nobody else."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from services.licensefile.domain.lines import FileLine, digest_of, file_lines
from shared.license_file.grammar import LicenseText, read
from shared.license_file.lines import LicenseLine
from shared.license_file.words import BOM, decode, joined_lines

LONGEST_FILE_NAME = 128
_KEYWORDS = ("INCREMENT", "FEATURE")

SignatureFault = Literal["signature_invalid", "unknown_signer", "key_revoked", "key_not_valid"]
CheckSignature = Callable[[LicenseLine], SignatureFault | None]


@dataclass(frozen=True)
class Offer:
    """``digest`` is that of the meaning, ``sha256`` that of the bytes.

    ``signature_faults``: one for each license line, None where the signature holds.
    """

    file_name: str
    content: bytes
    text: LicenseText
    lines: tuple[FileLine, ...]
    signature_faults: tuple[SignatureFault | None, ...]
    digest: str

    @property
    def shown_name(self) -> str:
        """The name as it may be stored and shown: no control characters, not longer than a name may be."""
        clean = "".join(letter if letter.isprintable() else "�" for letter in self.file_name)
        return clean if len(clean) <= LONGEST_FILE_NAME else clean[: LONGEST_FILE_NAME - 1] + "…"

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def is_empty(self) -> bool:
        return not self.content.removeprefix(BOM).strip()

    @cached_property
    def license_file_ids(self) -> tuple[str, ...]:
        """The different LicFileIDs in the file's order; a good file has exactly one."""
        return tuple(dict.fromkeys(line.license_file_id for line in self.text.license_lines if line.license_file_id))

    @property
    def replaces(self) -> tuple[str, ...]:
        """The LicFileIDs of all ancestors, the direct one first."""
        ancestors = dict.fromkeys(ancestor for line in self.text.license_lines for ancestor in line.replaces)
        return tuple(ancestor for ancestor in ancestors if ancestor not in self.license_file_ids)

    @property
    def migration_id(self) -> str | None:
        return next((line.migration_id for line in self.text.license_lines if line.migration_id), None)

    def holds_license_line(self) -> bool:
        """Whether any line, readable or not, begins as a license line does."""
        begins = (line.text.lstrip(" \t").upper() for line in joined_lines(decode(self.content)))
        return bool(self.lines) or any(begin.startswith(_KEYWORDS) for begin in begins)


def inspect(file_name: str, content: bytes, check: CheckSignature) -> Offer:
    """Read the file and check each line's signature. Linear; some seconds of work for a megabyte of the shortest lines."""
    text = read(content)
    faults = tuple(check(line) for line in text.license_lines)
    return Offer(file_name, content, text, file_lines(text.license_lines), faults, digest_of(text.license_lines))
