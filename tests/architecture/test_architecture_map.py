"""The map in ARCHITECTURE.md names every room of the house that exists, and no other."""

import re

from tests.architecture.source import all_files
from tests.house import ROOT

DEEPER = {"deploy", "services", "shared"}
"""Folders whose own folders are on the map too."""


def _drawn() -> dict[str, str]:
    """Path and description of each line of the fenced block ``map``."""
    block = re.search(r"^```map\n(.*?)^```", (ROOT / "ARCHITECTURE.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert block, "ARCHITECTURE.md has no block that begins with ```map"
    lines = [re.fullmatch(r"(\S+) {2,}(\S.*)", line) for line in block[1].splitlines()]
    assert all(lines), "a line of the map is not `path  description`"
    return {line[1]: line[2] for line in lines if line}


def _standing() -> set[str]:
    """The folders that hold files: at the top, and one deeper where a folder of its own is a sentence of its own."""
    folders: set[str] = set()
    for path in all_files():
        parts = path.parts[:-1]
        folders |= {parts[0]} if parts else set()
        folders |= {"/".join(parts[:2])} if len(parts) > 1 and parts[0] in DEEPER else set()
    return folders


def test_the_map_shows_what_is_there_and_nothing_else() -> None:
    drawn, standing = set(_drawn()), _standing()
    assert drawn == standing, f"missing on the map: {sorted(standing - drawn)}; on the map only: {sorted(drawn - standing)}"
    assert list(_drawn()) == sorted(drawn), "the map is sorted by path"
