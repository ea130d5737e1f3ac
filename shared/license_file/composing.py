"""A license line of ours from typed values: which element goes where. What is composed here reads back by the same names."""

from datetime import date
from typing import Final

from shared.license_file import values
from shared.license_file.lines import LicenseLine
from shared.license_file.mac import normalize_mac

VENDOR: Final = "cisco"
FILE_VERSION: Final = "1.0"


def license_line(
    *, feature: str, version: str, units: int, mac: str, license_file_id: str, license_line_id: int,
    original_mac: str | None = None, pak: str = "", order_count: int | None = None, replaces: tuple[str, ...] = (),
    migration_id: str | None = None, overdraft_units: int = 0,
    expiry: date | None = None, start: date | None = None, issued: date | None = None,
) -> LicenseLine:  # fmt: skip
    """An unsigned INCREMENT line bound to `mac`; without `original_mac` it is first made for that MAC.

    Raises `InvalidMac`, and ValueError for ids and numbers that no line can hold.
    """
    bound = normalize_mac(mac)
    _check_ids(license_file_id, *replaces)
    _check_numbers(units, license_line_id, overdraft_units, order_count or 0)
    vendor_string = (("Count", units), ("OrigMacId", normalize_mac(original_mac or bound)), ("LicFileVersion", FILE_VERSION))
    more = [("PAK", pak), *(("Replaces", ancestor) for ancestor in replaces)]
    more += [("OrderCount", str(order_count))] if order_count is not None else []
    more += [("MigrationId", migration_id)] if migration_id else []
    identity = values.element("LicFileID", license_file_id) + values.element("LicLineID", license_line_id)
    attributes = {
        "VENDOR_STRING": "".join(values.element(name, value) for name, value in vendor_string),
        "HOSTID": bound.lower(),
        "NOTICE": f"{identity} {''.join(values.element(name, value) for name, value in more)}",
    }
    if overdraft_units:
        attributes["OVERDRAFT"] = str(overdraft_units)
    for name, day in (("START", start), ("ISSUED", issued)):
        if day:
            attributes[name] = values.written_day(day)
    return LicenseLine("INCREMENT", feature, VENDOR, version, expiry, None, attributes)


def _check_ids(*ids: str) -> None:
    if wrong := [text for text in ids if values.file_id(text) is None]:
        raise ValueError(f"a license file id has 17 digits, not {wrong}")


def _check_numbers(*numbers: int) -> None:
    if wrong := [number for number in numbers if not 0 <= number <= values.MOST_UNITS]:
        raise ValueError(f"numbers in a license line are 0 to {values.MOST_UNITS}, not {wrong}")
