"""The intermediate file of a migration: what the existing devices and nodes of a cluster need, as XML for License Registration.

The element names are ours; `migration_file.xsd` describes them. The digest tells a complete and unaltered paste from a damaged one;
it is no signature, since the customer makes the file. Reading refuses document types, entities and anything the schema does not name.
"""

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, ParseError, SubElement, indent, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

ROOT: Final = "migrationFile"
SCHEMA_VERSION: Final = "1"
MOST_NODES: Final = 10_000
MOST_DEVICES: Final = 10_000_000
MOST_UNITS_EACH: Final = 10_000
MOST_TYPES: Final = 10_000
MOST_TOTAL_UNITS: Final = 999_999_999

ID_PATTERN: Final = r"[0-9A-Za-z][0-9A-Za-z._\-]{0,63}"
VERSION_PATTERN: Final = r"[0-9][0-9A-Za-z._()\-]{0,31}"

_FIELDS: Final = ("migrationId", "sourceCluster", "fromVersion", "toVersion", "nodes", "devices", "unknownModels", "totalUnits", "digest")
_MAY_BE_LEFT_OUT: Final = "unknownModels"
_DEVICE_FIELDS: Final = ("deviceType", "count", "unitsEach")
_MODEL_FIELDS: Final = ("model", "count")


class InvalidMigrationFile(Exception):
    """The text is no migration file, or its content breaks the schema. Field: `reasons`, all that is wrong, in words."""

    def __init__(self, reasons: list[str]) -> None:
        self.reasons = reasons
        super().__init__(
            f"the migration file is refused: {'; '.join(reasons)}. "
            "Copy the whole text of View File again, from <?xml to the end, and do not change it."
        )


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """What is to be licensed: `device_types` holds (device type, number of devices, units each), a type at most once.

    `unknown_models`: (model, number of devices) of what stands in no catalogue; nothing is licensed for it, and somebody should look.
    """

    migration_id: str
    source_cluster: str
    from_version: str
    to_version: str
    nodes: int
    device_types: tuple[tuple[str, int, int], ...]
    unknown_models: tuple[tuple[str, int], ...] = ()

    @property
    def total_units(self) -> int:
        """Phone license units of all devices together."""
        return sum(count * units_each for _, count, units_each in self.device_types)

    @property
    def digest(self) -> str:
        """SHA-256, in lower-case hexadecimal, of the content as one compact JSON array in UTF-8, types in the file's order.

        Without unknown models the array ends before them, as it did when files could not name any."""
        content: list[object] = [self.migration_id, self.source_cluster, self.from_version, self.to_version, self.nodes, self.device_types]
        content += [self.unknown_models] if self.unknown_models else []
        return hashlib.sha256(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def write(migration: MigrationFile) -> bytes:
    """The XML in UTF-8. Raises `InvalidMigrationFile` for values that the schema does not allow."""
    if reasons := _wrong_values(migration):
        raise InvalidMigrationFile(reasons)
    root = Element(ROOT, version=SCHEMA_VERSION)
    texts = (migration.migration_id, migration.source_cluster, migration.from_version, migration.to_version, str(migration.nodes))
    for name, text in zip(_FIELDS, texts, strict=False):
        SubElement(root, name).text = text
    devices = SubElement(root, "devices")
    for device_type in migration.device_types:
        device = SubElement(devices, "device")
        for name, value in zip(_DEVICE_FIELDS, device_type, strict=True):
            SubElement(device, name).text = str(value)
    if migration.unknown_models:
        models = SubElement(root, "unknownModels")
        for known in migration.unknown_models:
            model = SubElement(models, "unknownModel")
            for name, value in zip(_MODEL_FIELDS, known, strict=True):
                SubElement(model, name).text = str(value)
    SubElement(root, "totalUnits").text = str(migration.total_units)
    SubElement(root, "digest", algorithm="SHA-256").text = migration.digest
    indent(root)
    text = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def read(data: bytes | str) -> MigrationFile:
    """The content of a migration file as uploaded or pasted: a byte-order mark, CRLF and blanks around it do not matter.

    Raises `InvalidMigrationFile` with every reason that can be found.
    """
    root = _parse(data)
    reasons: list[str] = []
    if root.tag != ROOT or root.attrib != {"version": SCHEMA_VERSION}:
        raise InvalidMigrationFile([f'the document must be <{ROOT} version="{SCHEMA_VERSION}">, but it is <{root.tag[:40]}>'])
    given = root.find(_MAY_BE_LEFT_OUT) is not None
    fields = _children(root, tuple(name for name in _FIELDS if given or name != _MAY_BE_LEFT_OUT), reasons)
    migration_id, source_cluster, from_version, to_version = (_text(fields.get(name), reasons) for name in _FIELDS[:4])
    nodes = _number(fields.get("nodes"), MOST_NODES, reasons)
    device_types = _device_types(fields.get("devices"), reasons)
    unknown_models = _unknown_models(fields.get(_MAY_BE_LEFT_OUT), reasons)
    total_units = _number(fields.get("totalUnits"), MOST_TOTAL_UNITS, reasons)
    digest = _text(fields.get("digest"), reasons)
    migration = MigrationFile(migration_id, source_cluster, from_version, to_version, nodes, device_types, unknown_models)
    if not reasons:
        reasons += _wrong_values(migration)
        if total_units != migration.total_units:
            reasons.append(f"totalUnits is {total_units}, but the devices need {migration.total_units}")
        if fields["digest"].attrib != {"algorithm": "SHA-256"} or digest != migration.digest:
            reasons.append("the digest does not match the content: the text was changed or is not complete")
    if reasons:
        raise InvalidMigrationFile(reasons)
    return migration


def _parse(data: bytes | str) -> Element:
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        root: Element = fromstring(text.strip("\ufeff \t\r\n"), forbid_dtd=True)
    except DefusedXmlException as refused:
        raise InvalidMigrationFile(["document types and entities are not allowed"]) from refused
    except UnicodeError as broken:
        raise InvalidMigrationFile(["it is not UTF-8 text"]) from broken
    except ParseError as broken:
        raise InvalidMigrationFile([f"it is not well-formed XML ({broken})"]) from broken
    return root


def _children(parent: Element, names: tuple[str, ...], reasons: list[str]) -> dict[str, Element]:
    """The children by name; each must be there exactly once and in this order, and nothing else."""
    found = [child.tag for child in parent]
    reasons += [f"<{name}> is missing in <{parent.tag}>" for name in names if name not in found]
    reasons += [f"<{name}> is given more than once" for name in names if found.count(name) > 1]
    reasons += [f"<{name[:40]}> is not known in <{parent.tag}>" for name in sorted(set(found).difference(names))]
    if sorted(found) == sorted(names) and found != list(names):
        reasons.append(f"the elements of <{parent.tag}> must stand in the order {', '.join(names)}")
    _only_blanks_between(parent, reasons)
    return {child.tag: child for child in parent if child.tag in names}


def _only_blanks_between(parent: Element, reasons: list[str]) -> None:
    if any(text and text.strip(" \t\r\n") for text in [parent.text, *(child.tail for child in parent)]):
        reasons.append(f"there is text between the elements of <{parent.tag}>")


def _text(element: Element | None, reasons: list[str]) -> str:
    if element is None:
        return ""
    if len(element) or (element.attrib and element.tag != "digest"):
        reasons.append(f"<{element.tag}> must hold text only")
    return (element.text or "").strip(" \t\r\n")


def _number(element: Element | None, most: int, reasons: list[str]) -> int:
    text = _text(element, reasons)
    if element is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) <= most):
        reasons.append(f"<{element.tag}> is {text[:40]!r}; it must be a whole number from 0 to {most}")
        return 0
    return int(text)


def _device_types(devices: Element | None, reasons: list[str]) -> tuple[tuple[str, int, int], ...]:
    found = []
    for fields in _listed(devices, "device", "device types", _DEVICE_FIELDS, reasons):
        device_type = _text(fields.get("deviceType"), reasons)
        count = _number(fields.get("count"), MOST_DEVICES, reasons)
        found.append((device_type, count, _number(fields.get("unitsEach"), MOST_UNITS_EACH, reasons)))
    return tuple(found)


def _unknown_models(models: Element | None, reasons: list[str]) -> tuple[tuple[str, int], ...]:
    found = _listed(models, "unknownModel", "unknown models", _MODEL_FIELDS, reasons)
    if models is not None and not len(models):
        reasons.append(f"<{models.tag}> is empty; it must be left out then")
    return tuple((_text(fields.get("model"), reasons), _number(fields.get("count"), MOST_DEVICES, reasons)) for fields in found)


def _listed(parent: Element | None, tag: str, what: str, names: tuple[str, ...], reasons: list[str]) -> list[dict[str, Element]]:
    if parent is None:
        return []
    if len(parent) > MOST_TYPES:
        reasons.append(f"there are {len(parent)} {what}; at most {MOST_TYPES} are allowed")
        return []
    if parent.attrib or any(child.tag != tag or child.attrib for child in parent):
        reasons.append(f"<{parent.tag}> may hold <{tag}> elements only, without attributes")
    _only_blanks_between(parent, reasons)
    return [_children(child, names, reasons) for child in parent]


def _wrong_values(migration: MigrationFile) -> list[str]:
    """What the schema does not allow in these values; the same rules for writing and for reading."""
    patterns = (
        ("migrationId", migration.migration_id, ID_PATTERN),
        ("fromVersion", migration.from_version, VERSION_PATTERN),
        ("toVersion", migration.to_version, VERSION_PATTERN),
    )
    types = [device_type for device_type, _, _ in migration.device_types]
    models = [model for model, _ in migration.unknown_models]
    reasons = [f"{name} {text[:80]!r} does not match {pattern}" for name, text, pattern in patterns if not re.fullmatch(pattern, text)]
    names = [("sourceCluster", migration.source_cluster), *(("deviceType", text) for text in types), *(("model", text) for text in models)]
    reasons += [f"{name} {text[:80]!r} must be 1 to 128 printable characters" for name, text in names if not _is_label(text)]
    numbers = [("nodes", migration.nodes, MOST_NODES)]
    for _, count, units_each in migration.device_types:
        numbers += [("count", count, MOST_DEVICES), ("unitsEach", units_each, MOST_UNITS_EACH)]
    reasons += [f"{name} {value} must be 0 to {most}" for name, value, most in numbers if not 0 <= value <= most]
    counts = [count for _, count in migration.unknown_models]
    reasons += [f"the count {count} of a model must be 1 to {MOST_DEVICES}" for count in counts if not 1 <= count <= MOST_DEVICES]
    for what, texts in (("device type", types), ("model", models)):
        reasons += [f"{what} {text[:80]!r} is given {times} times" for text, times in Counter(texts).items() if times > 1]
        if len(texts) > MOST_TYPES:
            reasons.append(f"there are {len(texts)} {what}s; at most {MOST_TYPES} are allowed")
    if migration.total_units > MOST_TOTAL_UNITS:
        reasons.append(f"the devices need {migration.total_units} units; a license file can hold {MOST_TOTAL_UNITS}")
    return reasons


def _is_label(text: str) -> bool:
    return 0 < len(text) <= 128 and text.isprintable() and text == text.strip()
