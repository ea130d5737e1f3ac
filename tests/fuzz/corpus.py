"""What the fuzzer begins with: real files, every bad line of the tables, and the words of the grammar."""

from collections.abc import Iterator
from pathlib import Path

from tests.unit.license_file.mangled import PIECES, REAL
from tests.unit.license_file.test_faults import SYNTAX_ONLY, WITH_CODE

LONGEST_BYTES = 4096


def write_corpus(folder: Path) -> None:
    """A file each; what an earlier run found stays."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(_texts()):
        if len(data) <= LONGEST_BYTES:
            folder.joinpath(f"made-{number:03}").write_bytes(data)


def write_dictionary(path: Path) -> None:
    """The pieces that a mutation may put in, in libFuzzer's form."""
    lines = ['"' + "".join(f"\\x{byte:02x}" for byte in piece) + '"' for piece in PIECES]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def _texts() -> Iterator[bytes]:
    yield from REAL
    yield from (text.encode() for text in SYNTAX_ONLY.values())
    yield from (text.encode() for text, _ in WITH_CODE.values())
