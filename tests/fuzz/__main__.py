"""``python -m tests.fuzz [--seconds N]``: bytes that coverage leads, read, written, verified and judged, until the time is over.

Ends with an error at the first exception and at the first input that takes longer than `SLOWEST_SECONDS`; libFuzzer then leaves that
input in build/fuzz. What it learned stays there too, and the next run goes on from it.
"""

import argparse
import sys
from datetime import date

import atheris

with atheris.instrument_imports(include=["shared.license_file", "services.licensefile.domain"]):
    from services.licensefile.domain.history import Known, Record
    from services.licensefile.domain.verdict import judge
    from shared.license_file.grammar import read
    from shared.license_file.writing import write_file

from shared.license_file.signature import canonical
from tests.fuzz.corpus import LONGEST_BYTES, write_corpus, write_dictionary
from tests.mutation.here import ROOT
from tests.unit.license_file.mangled import REAL
from tests.unit.licensefile.made import FILE_ID, HEADQUARTERS, OTHER_ID, offered

FOLDER = ROOT / "build" / "fuzz"
TODAY = date(2026, 3, 14)
SLOWEST_SECONDS = 5
SIGNED = {canonical(line) for data in REAL for line in read(data).license_lines}
KNOWN = {FILE_ID: Known(Record("branch", "installed", "x"), OTHER_ID)}


def one_input(data: bytes) -> None:
    """The promises of the grammar and of the verdict, on any bytes."""
    found = read(data)
    assert {(f.line, f.column) for f in found.faults} == {(f.line, f.column) for f in found.faults if f.code == "syntax"}
    written = write_file(found.lines)
    again = read(written)
    assert (again.lines, again.faults) == (found.lines, ())
    offer = offered(data)
    assert all(reason.text.isprintable() for reason in judge(offer, HEADQUARTERS, KNOWN, TODAY))
    if not judge(offer, HEADQUARTERS, {}, TODAY):
        assert {canonical(line) for line in found.license_lines} <= SIGNED


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    seconds = parser.parse_args().seconds
    corpus, dictionary = FOLDER / "corpus", FOLDER / "words"
    write_corpus(corpus)
    write_dictionary(dictionary)
    limits = [f"-max_total_time={seconds}", f"-timeout={SLOWEST_SECONDS}", f"-max_len={LONGEST_BYTES}", "-rss_limit_mb=2048"]
    atheris.Setup([sys.argv[0], *limits, f"-dict={dictionary}", f"-artifact_prefix={FOLDER}/", str(corpus)], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
