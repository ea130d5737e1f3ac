"""What the grammar yields: one frozen value per kind of line, and the fault of a line that cannot be read.

A `LicenseLine` is the meaning of a license and nothing of its spelling. Whatever can be built here can be written, read back
and signed without becoming something else: the checks on construction are what the signature's soundness rests on.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final, Literal

from shared.license_file import values
from shared.license_file.words import CONTROL, is_group

UNSIGNED: Final = frozenset({"ASSET_INFO", "DIST_INFO", "USER_INFO", "VENDOR_INFO", "SORT", "SIGN"})
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a line cannot be read: where (from 1, in the file), a reason code of the interface, and words for a person."""

    line: int
    column: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class ServerLine:
    """SERVER: where the vendor's own license server would run. Accepted, without effect here."""

    host: str
    host_id: str
    port: int | None
    primary_is_master: bool
    heartbeat_seconds: int | None
    first_line: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class VendorLine:
    """VENDOR or DAEMON: which program of the vendor would serve the lines. Accepted, without effect here."""

    name: str
    path: str | None
    options: str | None
    port: int | None
    first_line: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class UseServerLine:
    """USE_SERVER. Accepted, without effect here."""

    first_line: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class UpgradeLine:
    """UPGRADE: `count` licenses of a feature go from one version to another; count None is uncounted, expiry None never."""

    feature: str
    vendor: str
    from_version: str
    to_version: str
    expiry: date | None
    count: int | None
    attributes: Mapping[str, str] = field(hash=False)
    first_line: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class PackageLine:
    """PACKAGE: a name for several features."""

    name: str
    vendor: str
    version: str | None
    components: tuple[str, ...]
    attributes: Mapping[str, str] = field(hash=False)
    first_line: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class LicenseLine:
    """INCREMENT or FEATURE: what one line licenses.

    `expiry` None never expires; `count` None is uncounted (then `<Count>` holds the units). `attributes` maps upper-case names
    to values without their quotes, runs of blanks made one; an attribute without a value maps to "". `elements`: those of
    VENDOR_STRING and of NOTICE together, for where the vendor put one does not matter; read once, since everything asks for them.
    Building one by hand raises ValueError for what no line of a file can say.
    """

    keyword: Literal["INCREMENT", "FEATURE"]
    feature: str
    vendor: str
    version: str
    expiry: date | None
    count: int | None
    attributes: Mapping[str, str] = field(hash=False)
    first_line: int = field(default=1, compare=False)
    elements: Mapping[str, tuple[str, ...]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        named = {name.upper(): values.one_blank(value) for name, value in self.attributes.items()}
        if len(named) != len(self.attributes) or not all(is_name(name) for name in self.attributes):
            raise ValueError(f"attribute names must be words and differ in more than case: {sorted(self.attributes)}")
        if broken := [name for name, value in named.items() if not _is_value(name, value)]:
            raise ValueError(f"these attributes hold quotes, control characters or an open group: {broken}")
        if self.keyword not in ("INCREMENT", "FEATURE") or not values.is_version(self.version):
            raise ValueError(f"{self.keyword} with version {self.version!r} is no license line")
        if not (is_plain(self.feature) and is_plain(self.vendor)):
            raise ValueError(f"feature {self.feature!r} and vendor {self.vendor!r} must be single words")
        if self.count is not None and not 0 < self.count <= values.MOST_UNITS:
            raise ValueError(f"count {self.count} must be 1 to {values.MOST_UNITS}, or None for uncounted")
        object.__setattr__(self, "attributes", MappingProxyType(named))
        object.__setattr__(self, "elements", MappingProxyType(elements_of(named)))

    @property
    def units(self) -> int | None:
        """What the line licenses: the count, or `<Count>` of an uncounted line; None when neither is there."""
        return self.count if self.count is not None else values.whole_number(self._element("Count"))

    @property
    def overdraft_units(self) -> int:
        """Units allowed beyond the count, absolute; 0 without OVERDRAFT."""
        return values.whole_number(self.attributes.get("OVERDRAFT", "")) or 0

    @property
    def host_ids(self) -> tuple[str, ...]:
        """What the line is bound to now: MACs in their one spelling, ANY, DEMO, KIND=value; empty without HOSTID."""
        return tuple(_host_id(text) for text in values.listed(self.attributes.get("HOSTID", "")))

    @property
    def original_mac(self) -> str | None:
        """The MAC the license was first made for, in its one spelling."""
        return values.mac(self._element("OrigMacId"))

    @property
    def license_file_version(self) -> str | None:
        return self._element("LicFileVersion") or None

    @property
    def key_id(self) -> str | None:
        """Which of the vendor's keys signed."""
        return self._element("KeyId") or None

    @property
    def license_file_id(self) -> str | None:
        """17 digits; with `license_line_id` it identifies the line for ever."""
        return values.file_id(self._element("LicFileID"))

    @property
    def license_line_id(self) -> int | None:
        return values.whole_number(self._element("LicLineID"))

    @property
    def pak(self) -> str | None:
        return self._element("PAK") or None

    @property
    def order_count(self) -> int | None:
        """What the whole order holds of this feature, all shares together."""
        return values.whole_number(self._element("OrderCount"))

    @property
    def replaces(self) -> tuple[str, ...]:
        """The LicFileIDs that this line voids: the re-hosted file first, then that one's own ancestors."""
        return tuple(text for text in self.elements.get("Replaces", ()) if values.file_id(text))

    @property
    def migration_id(self) -> str | None:
        """The migration file this license was given for, if any."""
        return self._element("MigrationId") or None

    @property
    def start(self) -> date | None:
        """The first day of validity."""
        return values.day(self.attributes.get("START", ""))

    @property
    def issued(self) -> date | None:
        return values.day(self.attributes.get("ISSUED", ""))

    @property
    def supersede(self) -> tuple[str, ...]:
        """Features whose lines ISSUED earlier are void: the named ones, its own if SUPERSEDE names none."""
        if "SUPERSEDE" not in self.attributes:
            return ()
        return values.listed(self.attributes["SUPERSEDE"]) or (self.feature,)

    def _element(self, name: str) -> str:
        return self.elements.get(name, ("",))[0]


Line = LicenseLine | ServerLine | VendorLine | UseServerLine | UpgradeLine | PackageLine


def elements_of(attributes: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The elements of VENDOR_STRING and of NOTICE together; the bracket between the two keeps one from reaching into the other."""
    return values.elements(f"{attributes.get('VENDOR_STRING', '')}<{attributes.get('NOTICE', '')}")


def is_name(text: str) -> bool:
    """An attribute's name: a Latin letter, then letters, digits and underscores. ASCII, so that case has one meaning."""
    return text.isascii() and text[:1].isalpha() and text.replace("_", "a").isalnum()


def is_plain(text: str) -> bool:
    """A word that may stand as feature or vendor: 1 to 128 printable characters without blank, quote, `=` or a leading `#`."""
    return 0 < len(text) <= 128 and text.isprintable() and not text.startswith("#") and not set(' "=').intersection(text)


def _is_value(name: str, value: str) -> bool:
    if CONTROL.search(value) or _SURROGATE.search(value):
        return False
    return '"' not in value or (name == "AUTH" and is_group(value))


def _host_id(text: str) -> str:
    kind, equals, value = text.partition("=")
    if equals:
        return f"{kind.upper()}={value}"
    return values.mac(text) or (text.upper() if text.upper() in ("ANY", "DEMO") else text)
