"""The kinds of value that bodies and events share, with their limits. A limit is stated here once."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

NAME_LENGTH = 128
LARGEST_COUNT = 1_000_000_000
"""No order, pool or request is larger than this: it keeps every sum inside 64 bits."""


def _printable(name: str) -> str:
    if not name.isprintable() or name.strip() != name or name in {".", ".."}:
        raise ValueError("must be 1 to 128 printable characters without slash, not beginning or ending with a blank")
    return name


Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=NAME_LENGTH, pattern=r"^[^/\x00-\x1f\x7f]+$"),
    AfterValidator(_printable),
]
"""A name that a caller gives: cluster, node, device, device type, customer. 1–128 printable characters without slash."""

Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT, strict=True)]
"""A whole number of units, nodes or devices; text and truth values are not numbers."""

PositiveCount = Annotated[int, Field(ge=1, le=LARGEST_COUNT, strict=True)]

LeaseSeconds = Annotated[int, Field(ge=1, le=31_536_000, strict=True, examples=[3600])]
"""For how long a device holds its units without being put again: a second to a year. Left out: until it is checked in."""

ProductVersion = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,2}(\.[0-9]{1,4}){1,3}$", max_length=20)]
"""A product version such as ``5.0`` or ``6.1.2``; only the major part decides about licenses."""

_EMAIL_PART = r'[^@\s\x00-\x1f\x7f<>()\[\]\\,;:"]'
Email = Annotated[str, StringConstraints(pattern=rf"^{_EMAIL_PART}{{1,64}}@{_EMAIL_PART}{{1,189}}$", max_length=254)]
"""One address and nothing else: no name beside it, no second one, nothing that ends a line."""

MacText = Annotated[str, StringConstraints(min_length=1, max_length=64)]
"""A MAC address in any usual spelling; the service that reads it normalizes it or answers ``invalid-mac``."""

LicenseFileId = Annotated[str, StringConstraints(pattern=r"^[0-9]{17}$")]
"""LicFileID: 17 digits, yyyyMMddHHmmssSSS."""
