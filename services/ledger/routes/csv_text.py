"""CSV in and out. What leaves may be opened in a spreadsheet, where a cell must never become a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import islice

from services.ledger.domain.refusals import invalid_inventory
from shared.contracts.bodies.migrations import MOST_INVENTORY_LINES

CSV_TYPE = "text/csv"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MOST_DIGITS = 10


def wants_csv(accept: str) -> bool:
    """Does an Accept header name CSV, and nothing that it likes better than that?"""
    likings = dict(_liking(part) for part in accept.lower().split(","))
    json = max(likings.get(kind, 0.0) for kind in ("application/json", "application/*", "*/*"))
    return likings.get(CSV_TYPE, 0.0) > 0 and likings[CSV_TYPE] >= json


def _liking(part: str) -> tuple[str, float]:
    kind, *parameters = (word.strip() for word in part.split(";"))
    quality = next((word[2:] for word in parameters if word.startswith("q=")), "1")
    try:
        return kind, float(quality)
    except ValueError:
        return kind, 0.0


def csv_of(rows: Iterable[Sequence[object]]) -> str:
    """Rows as RFC 4180 CSV; a cell that a spreadsheet would calculate is made text by a leading apostrophe."""
    text = io.StringIO()
    csv.writer(text).writerows([[_harmless(cell) for cell in row] for row in rows])
    return text.getvalue()


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def read_inventory(body: bytes) -> list[dict[str, object]]:
    """The rows of a CSV with the columns device_type and count. Raises InvalidInventory, naming the lines."""
    try:
        reader = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        rows = ((reader.line_num, [cell.strip() for cell in row]) for row in reader if row)
        lines = list(islice(rows, MOST_INVENTORY_LINES + 2))  # a million would keep everybody else waiting
    except UnicodeDecodeError as broken:
        raise invalid_inventory(["the text is not UTF-8"]) from broken
    except csv.Error as broken:
        raise invalid_inventory([f"the text is not CSV ({broken})"]) from broken
    if not lines or [name.lower() for name in lines[0][1]] != ["device_type", "count"]:
        raise invalid_inventory(["the first line must be device_type,count"])
    if len(lines) > MOST_INVENTORY_LINES + 1:
        raise invalid_inventory(
            [f"it has more than {MOST_INVENTORY_LINES} lines; name each device type once, with the number of its devices"]
        )
    if wrong := [f"line {number} must be a device type and a whole number" for number, cells in lines[1:] if not _is_count(cells)]:
        raise invalid_inventory(wrong)
    return [{"device_type": cells[0], "count": int(cells[1])} for _, cells in lines[1:]]


def _is_count(cells: list[str]) -> bool:
    return len(cells) == 2 and cells[1].isascii() and cells[1].isdigit() and len(cells[1]) <= _MOST_DIGITS
