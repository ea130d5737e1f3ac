"""The inventory of a 4.x cluster as it arrives: counts by device type, or rows as a bulk export gives them, one for each device.

The text is at hand as a whole (at most 16 MiB: which devices were named must be remembered anyway), and read in pieces between which
everybody else has a turn.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterable
from functools import lru_cache
from typing import Annotated

from fastapi import Header, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Discriminator, Tag, TypeAdapter, ValidationError
from pydantic.json_schema import SkipJsonSchema

from services.ledger.actions.start_migration import Inventory
from services.ledger.domain.inventory import InventoryUnreadable
from services.ledger.domain.inventory_rows import Row, Tally
from services.ledger.domain.refusals import invalid_inventory
from services.ledger.routes.csv_text import CSV_TYPE, read_inventory
from services.ledger.routes.inventory_text import NDJSON_TYPE, lines_of
from shared.contracts.bodies.migrations import InventoryRow, ModelText, NewMigration
from shared.contracts.fields import Count, ProductVersion

_PIECE_BYTES = 65_536
_ROWS_AT_A_TIME = 5_000
_ROWS: TypeAdapter[list[InventoryRow]] = TypeAdapter(list[InventoryRow])
_MODEL: TypeAdapter[str] = TypeAdapter(ModelText)


class AskedByRows(BaseModel):
    """What makes two inventories under one Idempotency-Key the same, where they come by rows."""

    from_version: ProductVersion
    to_version: ProductVersion
    nodes: Count
    sha256: str


def _kind(body: object) -> str:
    return "text" if isinstance(body, bytes) else "json"


Body = Annotated[
    Annotated[NewMigration, Tag("json")] | Annotated[SkipJsonSchema[bytes], Tag("text")],
    Discriminator(_kind),
]


async def received(
    body: Body,
    content_type: Annotated[str, Header(include_in_schema=False)] = "",
    from_version: Annotated[ProductVersion | None, Query(description="With CSV or NDJSON only.")] = None,
    to_version: Annotated[ProductVersion | None, Query(description="With CSV or NDJSON only.")] = None,
    nodes: Annotated[int | None, Query(ge=0, description="With CSV or NDJSON only: the nodes of the cluster.")] = None,
) -> tuple[BaseModel, Inventory]:
    """The request as it is compared with a repetition, and the inventory. Raises InvalidInventory, InventoryTooLarge."""
    if isinstance(body, NewMigration):
        return _of_counts(body) if body.rows is None else await _of_rows(body)
    form = content_type.partition(";")[0].strip().lower()
    if form not in {CSV_TYPE, NDJSON_TYPE}:
        raise invalid_inventory([f"the body must be JSON (application/json), CSV ({CSV_TYPE}) or NDJSON ({NDJSON_TYPE})"])
    values = {"from_version": from_version, "to_version": to_version, "nodes": nodes}
    given = {name: value for name, value in values.items() if value is not None}
    try:
        if form == CSV_TYPE and _gives_counts(body):
            return _of_counts(NewMigration.model_validate({**given, "devices": read_inventory(body)}))
        asked = AskedByRows.model_validate({**given, "sha256": hashlib.sha256(body).hexdigest()})
    except ValidationError as wrong:
        errors = [{**error, "loc": ("body" if error["loc"][:1] == ("devices",) else "query", *error["loc"])} for error in wrong.errors()]
        raise RequestValidationError(errors) from wrong
    return asked, Inventory(asked.from_version, asked.to_version, asked.nodes, await _of_text(body, form))


def _of_counts(body: NewMigration) -> tuple[BaseModel, Inventory]:
    counts = tuple((device.device_type, device.count) for device in body.devices or ())
    return body, Inventory(body.from_version, body.to_version, body.nodes, counts)


async def _of_rows(body: NewMigration) -> tuple[BaseModel, Inventory]:
    rows, tally, digest = body.rows or [], Tally(), hashlib.sha256()
    for at in range(0, len(rows), _ROWS_AT_A_TIME):
        batch = _validated(rows[at : at + _ROWS_AT_A_TIME], at)
        tally.take(Row(number, row.device, row.model) for number, row in enumerate(batch, at + 1))
        digest.update(_ROWS.dump_json(batch))
        await asyncio.sleep(0)  # others wait too
    asked = AskedByRows(from_version=body.from_version, to_version=body.to_version, nodes=body.nodes, sha256=digest.hexdigest())
    return asked, Inventory(body.from_version, body.to_version, body.nodes, tally)


def _validated(rows: list[InventoryRow], at: int) -> list[InventoryRow]:
    try:
        return _ROWS.validate_python(rows)
    except ValidationError as wrong:
        errors = [{**error, "loc": ("body", "rows", at + int(error["loc"][0]), *error["loc"][1:])} for error in wrong.errors()]
        raise RequestValidationError(errors) from wrong


async def _of_text(body: bytes, form: str) -> Tally:
    tally = Tally()
    try:
        async for lines in lines_of(_pieces(body), form, _model):
            tally.take(_rows(lines, tally))
    except InventoryUnreadable as unreadable:
        where = f"line {unreadable.line} " if unreadable.line else ""
        raise invalid_inventory([where + unreadable.reason]) from unreadable
    return tally


def _rows(lines: Iterable[tuple[int, str | None, str | None, str | None]], tally: Tally) -> Iterable[Row]:
    for number, device, model, problem in lines:
        if device is None or model is None:
            tally.refuse(f"line {number} {problem}")
        else:
            yield Row(number, device, model)


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), _PIECE_BYTES):
        yield body[at : at + _PIECE_BYTES]
        await asyncio.sleep(0)  # others wait too


def _model(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _model_text(value) if isinstance(value, str) else None


@lru_cache(maxsize=1_000)
def _model_text(value: str) -> str | None:
    try:
        return _MODEL.validate_python(value)
    except ValidationError:
        return None


def _gives_counts(body: bytes) -> bool:
    """Does the first line name a column of counts?"""
    first = body.lstrip(b"\xef\xbb\xbf \t\r\n").splitlines()[:1] or [b""]
    return "count" in re.split(r"[,;\t]", first[0][:8_192].decode("utf-8", "replace").lower().replace('"', "").replace(" ", ""))
