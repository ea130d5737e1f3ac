"""SERVER, VENDOR and DAEMON lines: read in full and reported exactly, though nothing here is served by them."""

from typing import Final

from shared.license_file import values
from shared.license_file.lines import ServerLine, VendorLine
from shared.license_file.report import INVALID_SERVER_LINE, INVALID_VENDOR_LINE, Report
from shared.license_file.words import Word

_HIGHEST_PORT: Final = 65535


def read_server(keyword: Word, rest: tuple[Word, ...], report: Report) -> ServerLine | None:
    """SERVER host hostid [port] [PRIMARY_IS_MASTER] [HEARTBEAT_INTERVAL=seconds]."""
    if len(rest) < 2 or not (rest[0].text and rest[1].text):
        report.add(keyword.at, "a SERVER line needs a host and a host id", INVALID_SERVER_LINE)
        return None
    found: dict[str, int] = {}
    for word in rest[2:]:
        name, _, value = word.text.partition("=")
        kind = "port" if name.isdigit() else name.upper()
        number = _server_option(kind, word.text, value)
        if number is None or kind in found:
            text = f"{word.text[:40]!r} is no port, PRIMARY_IS_MASTER or HEARTBEAT_INTERVAL=seconds, or is given twice"
            report.add(word.at, text, INVALID_SERVER_LINE)
        else:
            found[kind] = number
        if report.full:
            break
    return ServerLine(
        rest[0].text, rest[1].text, found.get("port"),
        "PRIMARY_IS_MASTER" in found, found.get("HEARTBEAT_INTERVAL"), report.line_of(keyword.at),
    )  # fmt: skip


def _server_option(kind: str, text: str, value: str) -> int | None:
    if kind == "port":
        return _port(text)
    if kind == "HEARTBEAT_INTERVAL":
        return values.whole_number(value)
    return 1 if text.upper() == "PRIMARY_IS_MASTER" else None


def read_vendor(keyword: Word, rest: tuple[Word, ...], report: Report) -> VendorLine | None:
    """VENDOR or DAEMON name [path] [[OPTIONS=]path] [[PORT=]number]."""
    if not rest or not rest[0].text:
        report.add(keyword.at, f"a {keyword.text} line needs the vendor's name", INVALID_VENDOR_LINE)
        return None
    found: dict[str, str] = {}
    for word in rest[1:]:
        kind, value = _vendor_option(word, found)
        if kind in found or not value or (kind == "PORT" and _port(value) is None):
            text = f"{word.text[:40]!r} fits nowhere; expected name [path] [[OPTIONS=]path] [[PORT=]number], each once"
            report.add(word.at, text, INVALID_VENDOR_LINE)
        found[kind] = value
        if report.full:
            break
    port = _port(found.get("PORT", ""))
    return VendorLine(rest[0].text, found.get("path"), found.get("OPTIONS"), port, report.line_of(keyword.at))


def _vendor_option(word: Word, found: dict[str, str]) -> tuple[str, str]:
    name, equals, value = word.text.partition("=")
    if equals and name.upper() in ("OPTIONS", "PORT"):
        return name.upper(), value
    if word.text.isascii() and word.text.isdigit():
        return "PORT", word.text
    return ("OPTIONS" if "path" in found else "path"), word.text


def _port(text: str) -> int | None:
    number = values.whole_number(text)
    return number if number and number <= _HIGHEST_PORT else None
