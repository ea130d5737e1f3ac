"""A cluster's inventory as it arrives: JSON, NDJSON or CSV, read piece by piece, never more of it at hand than some thousand lines.

A line that can be read and says nothing usable is kept with what is wrong with it; a text that cannot be read any further is refused.
"""

import codecs
import csv
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from services.ledger.domain.inventory import InventoryUnreadable
from services.ledger.routes.csv_text import CSV_TYPE
from services.ledger.store.reconciliations import Line
from shared.contracts.bodies.reconciliations import LARGEST_INVENTORY_BYTES, MOST_INVENTORY_DEVICES
from shared.contracts.fields import Name

JSON_TYPE, NDJSON_TYPE = "application/json", "application/x-ndjson"
_AT_A_TIME = 5_000
_LONGEST_LINE = 8_192
_ORDINARY = re.compile(r"\w[\w.:-]{0,126}", re.ASCII)
_NAME: TypeAdapter[str] = TypeAdapter(Name)
_DEVICE_COLUMNS = frozenset({"device", "devicename", "name"})
_TYPE_COLUMNS = frozenset({"devicetype", "type", "model", "devicemodel", "product"})
_BEGINNING = re.compile(r'\s*(\{\s*"devices"\s*:\s*)?\[')
_BETWEEN = re.compile(r"\s*,?\s*")


@dataclass
class InventoryTooLarge(Exception):
    """The body, or the number of its lines, is beyond the limit."""

    limit_bytes: int
    limit_devices: int

    def __str__(self) -> str:
        return f"An inventory may have {self.limit_bytes} bytes and {self.limit_devices} devices. Nothing was changed."


KindOf = Callable[[object], str | None]
"""The text that stands for a device's type, None where it cannot."""


class _Reading(Protocol):
    """One form of the text. ``last``: nothing follows. Raises InventoryUnreadable."""

    def __init__(self, kind_of: KindOf | None = None) -> None: ...
    def read(self, text: str, *, last: bool) -> Iterator[Line]: ...


async def lines_of(stream: AsyncIterator[bytes], content_type: str, kind_of: KindOf | None = None) -> AsyncIterator[list[Line]]:
    """The lines, some thousands at a time. ``kind_of``: what may stand for the type of a device, a name by default.

    Raises InventoryUnreadable, InventoryTooLarge."""
    kind = content_type.partition(";")[0].strip().lower()
    forms: dict[str, type[_Reading]] = {JSON_TYPE: _Json, NDJSON_TYPE: _Ndjson, CSV_TYPE: _Csv}
    if kind not in forms:
        raise InventoryUnreadable(0, f"the body must be {JSON_TYPE}, {NDJSON_TYPE} or {CSV_TYPE}")
    reading, decoder = forms[kind](kind_of), codecs.getincrementaldecoder("utf-8-sig")()
    batch: list[Line] = []
    received = devices = 0
    async for text, last, size in _texts(stream, decoder):
        received += size
        if received > LARGEST_INVENTORY_BYTES:
            raise InventoryTooLarge(LARGEST_INVENTORY_BYTES, MOST_INVENTORY_DEVICES)
        for line in reading.read(text, last=last):
            batch.append(line)
            devices += 1
            if devices > MOST_INVENTORY_DEVICES:
                raise InventoryTooLarge(LARGEST_INVENTORY_BYTES, MOST_INVENTORY_DEVICES)
            if len(batch) == _AT_A_TIME:
                yield batch
                batch = []
    if batch:
        yield batch


async def _texts(stream: AsyncIterator[bytes], decoder: codecs.IncrementalDecoder) -> AsyncIterator[tuple[str, bool, int]]:
    try:
        async for piece in stream:
            yield decoder.decode(piece), False, len(piece)
        yield decoder.decode(b"", final=True), True, 0
    except UnicodeDecodeError as broken:
        raise InventoryUnreadable(0, "the text is not UTF-8") from broken


class _Lines:
    """Whole lines of a text that comes in pieces, numbered from 1."""

    def __init__(self) -> None:
        self._rest = ""
        self.number = 0

    def split(self, text: str, *, last: bool) -> Iterator[str]:
        text = self._rest + text
        *whole, self._rest = re.split(r"\r\n|\n|\r(?=[^\n])", text)  # a lone CR at the end may be half of CRLF
        if len(self._rest) > _LONGEST_LINE and not last:
            raise InventoryUnreadable(self.number + len(whole) + 1, f"is longer than {_LONGEST_LINE} characters")
        if last:
            whole.append(self._rest)
        for line in whole:
            self.number += 1
            yield line


class _Ndjson:
    """An object a line."""

    def __init__(self, kind_of: KindOf | None = None) -> None:
        self._kind_of = kind_of or _name
        self._lines = _Lines()

    def read(self, text: str, *, last: bool) -> Iterator[Line]:
        for line in self._lines.split(text, last=last):
            if line.strip():
                try:
                    found = json.loads(line)
                except (ValueError, RecursionError) as broken:
                    raise InventoryUnreadable(self._lines.number, f"is not JSON ({broken})") from broken
                yield _from_object(self._lines.number, found, self._kind_of)


class _Json:
    """``[…]`` or ``{"devices": […]}``; a device is read as soon as it is whole, and counts as a line."""

    def __init__(self, kind_of: KindOf | None = None) -> None:
        self._kind_of = kind_of or _name
        self._text = ""
        self._number = 0
        self._wrapped: bool | None = None
        self._ended = False
        self._decoder = json.JSONDecoder()

    def read(self, text: str, *, last: bool) -> Iterator[Line]:
        self._text += text
        at = self._begun(last=last)
        while at is not None and not self._ended:
            gap = _BETWEEN.match(self._text, at)
            assert gap is not None
            begins = gap.end()
            if begins == len(self._text):
                self._text, at = "," if "," in gap[0] else "", 0  # however much space there is, it is looked through once
                break
            if self._text[begins] == "]":
                self._ended, at = True, begins + 1
                break
            if self._number and "," not in gap[0]:
                raise InventoryUnreadable(self._number, "is not followed by a comma")
            try:
                found, ends = self._decoder.raw_decode(self._text, begins)
            except (ValueError, RecursionError) as broken:
                if last or len(self._text) - begins > _LONGEST_LINE:
                    raise InventoryUnreadable(self._number + 1, f"is not JSON ({broken})") from broken
                break
            if ends == len(self._text) and not (last or isinstance(found, dict)):
                break  # a number may go on
            at = ends
            self._number += 1
            yield _from_object(self._number, found, self._kind_of)
        self._text = self._text[at or 0 :]
        if last:
            self._check_end()

    def _begun(self, *, last: bool) -> int | None:
        if self._wrapped is not None:
            return 0
        opening = _BEGINNING.match(self._text)
        if opening is None:
            if last or len(self._text) > _LONGEST_LINE:
                raise InventoryUnreadable(0, 'the text must be {"devices": [{"device": …, "device_type": …}, …]}')
            return None
        self._wrapped = opening[1] is not None
        return opening.end()

    def _check_end(self) -> None:
        if not self._ended or self._text.strip() != ("}" if self._wrapped else ""):
            raise InventoryUnreadable(self._number, "is the last that can be read; the text does not end as it should")


def _from_object(number: int, found: Any, kind_of: KindOf) -> Line:
    if not isinstance(found, dict):
        return number, None, None, "is not an object with device and device_type"
    return _line(number, found.get("device"), found.get("device_type", found.get("model")), kind_of)


class _Csv:
    """A header that names the two columns, among others, in whatever order; comma, semicolon or tab between them."""

    def __init__(self, kind_of: KindOf | None = None) -> None:
        self._kind_of = kind_of or _name
        self._lines = _Lines()
        self._columns: tuple[int, int] | None = None
        self._delimiter = ","
        self._open = ""
        self._opened = 0

    def read(self, text: str, *, last: bool) -> Iterator[Line]:
        for line in self._lines.split(text, last=last):
            self._opened = self._opened or self._lines.number
            record = self._open + line
            if record.count('"') % 2:  # a quoted cell goes on in the next line
                if len(record) > _LONGEST_LINE:
                    raise InventoryUnreadable(self._opened, "has a quote that is not closed")
                self._open = record + "\n"
                continue
            number, self._open, self._opened = self._opened, "", 0
            if record.strip(" \t,;"):
                yield from self._record(number, record)
        if last and self._open:
            raise InventoryUnreadable(self._opened, "has a quote that is not closed")
        if last and self._columns is None:
            raise InventoryUnreadable(1, "must name the columns device and device_type")

    def _record(self, number: int, record: str) -> Iterator[Line]:
        if self._columns is None:
            self._delimiter = max(",;\t", key=record.count)
        cells = self._cells(number, record)
        if self._columns is None:
            self._columns = _columns_of(number, cells)
            return
        device, device_type = (cells[at] if at < len(cells) else None for at in self._columns)
        yield _line(number, device, device_type, self._kind_of)

    def _cells(self, number: int, record: str) -> list[str]:
        try:
            (cells,) = csv.reader([record], delimiter=self._delimiter, strict=True, skipinitialspace=True)
        except (csv.Error, ValueError) as broken:
            raise InventoryUnreadable(number, f"is not CSV ({broken})") from broken
        return [cell.strip() for cell in cells]


def _columns_of(number: int, header: list[str]) -> tuple[int, int]:
    names = [re.sub(r"[^a-z]", "", name.lower()) for name in header]
    found = [[at for at, name in enumerate(names) if name in wanted] for wanted in (_DEVICE_COLUMNS, _TYPE_COLUMNS)]
    if any(len(columns) != 1 for columns in found):
        raise InventoryUnreadable(number, "must name the columns device and device_type (or Device Name and Device Type) once each")
    return found[0][0], found[1][0]


def _line(number: int, device: object, device_type: object, kind_of: KindOf) -> Line:
    name, kind = _name(device), kind_of(device_type)
    if name is None:
        return number, None, None, "names no device: a name has 1 to 128 printable characters without slash"
    if kind is None:
        return number, name, None, "names no device type: a name has 1 to 128 printable characters without slash"
    return number, name, kind, None


def _name(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    return value if _ORDINARY.fullmatch(value) else _unusual(value)


@lru_cache(maxsize=1_000)
def _unusual(value: str) -> str | None:
    try:
        return _NAME.validate_python(value)
    except ValidationError:
        return None
