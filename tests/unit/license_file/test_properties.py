"""What holds for every file: reading never raises, writing what was read says the same, spelling never matters, meaning always does."""

import random
import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.license_file.grammar import read
from shared.license_file.lines import UNSIGNED
from shared.license_file.signature import Verification, canonical, verify
from shared.license_file.writing import write_file
from tests.unit.license_file.made import KEYS
from tests.unit.license_file.mangled import OTHERS, REAL, SIGNED, anything

CODES = {"syntax", "invalid_count", "invalid_date", "invalid_server_line", "invalid_vendor_line"}


@settings(max_examples=500)
@given(anything())
@example(b"INCREMENT f v 5.0 permanent 1 VENDOR_STRING=<LicLineID>1 NOTICE=</LicLineID>")
@example(b'SERVER AUTH={"} "} AUTH={} 1')
def test_reading_never_raises_and_every_fault_has_its_place(data: bytes) -> None:
    found = read(data)
    physical = data.split(b"\n")
    for fault in found.faults:
        assert fault.code in CODES
        assert 1 <= fault.line <= len(physical)
        assert 1 <= fault.column <= len(physical[fault.line - 1]) + 1
        assert fault.text
        assert fault.text.isprintable()
    assert {(fault.line, fault.column) for fault in found.faults} == {(f.line, f.column) for f in found.faults if f.code == "syntax"}
    assert not {line.first_line for line in found.lines} & {fault.line for fault in found.faults}


@settings(max_examples=500)
@given(anything())
@example(OTHERS)
@example(b'VENDOR "c d\\" "# p" OPTIONS="/o p" 1\nDAEMON "{c" \\\\\nSERVER "AUTH={a" AUTH={"b  c"} \nVENDOR aUtH={"x y"}')
@example(b"PACKAGE p v COMPONENTS=\x85\xa0\nVENDOR c\\")
def test_what_was_read_is_written_with_the_same_meaning(data: bytes) -> None:
    found = read(data)
    written = write_file(found.lines)
    assert read(written).lines == found.lines
    assert read(written).faults == ()
    assert write_file(read(written).lines) == written


def respelled(data: bytes, seed: int) -> bytes:
    """The same lines by another hand: case of keywords and names, order of attributes, blanks, line breaks, quotes, comments."""
    dice = random.Random(seed)
    lines = []
    for line in read(data).license_lines:
        cased = {dice.choice((str.lower, str.upper, str.title))(name): value for name, value in line.attributes.items()}
        words = [dice.choice((str.lower, str.upper))(line.keyword), line.feature, line.vendor, line.version]
        until = re.sub(r"^(\d)-", lambda day: f"{dice.choice(('', '0'))}{day[1]}-", canonical(line).decode().split(" ")[4])
        words += [dice.choice((str.lower, str.upper))(until), dice.choice(("uncounted", "0", "UNCOUNTED"))]
        words += dice.sample([f'{name}="{value.replace(" ", dice.choice(BLANKS))}"' for name, value in cased.items()], len(cased))
        lines.append(dice.choice(BLANKS).join([*words, dice.choice(("sort=1", "# a comment", 'VENDOR_INFO="x  y"'))]))
    return dice.choice(("\n", "\r\n", "\n\n# c\n")).join(lines).encode()


BLANKS = [" ", "  ", "\t", " \\\n", "\\\n ", " \\ \r\n\t "]


@settings(max_examples=300)
@given(st.integers(0, 2**32))
def test_no_respelling_breaks_a_signature(seed: int) -> None:
    original, changed = read(SIGNED).license_lines, read(respelled(SIGNED, seed))
    assert changed.faults == ()
    assert [verify(line, KEYS) for line in changed.license_lines] == [Verification.VALID] * 2
    assert [canonical(line) for line in changed.license_lines] == [canonical(line) for line in original]


@st.composite
def broken_by_lines(draw: st.DrawFn) -> bytes:
    """A line break, with its backslash, anywhere behind the comment: inside words, quotes and tags too."""
    body = SIGNED[SIGNED.index(b"\n") + 1 :]
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(body)))
        # Between a backslash and its line break, with the blanks there, another one would be a backslash of its own.
        if not body[:at].rstrip(b" \r").endswith(b"\\"):
            body = body[:at] + draw(st.sampled_from([b"\\\n", b"\\\r\n", b"\\ \n"])) + body[at:]
    return body


@settings(max_examples=300)
@given(broken_by_lines())
def test_a_line_break_with_its_backslash_may_stand_anywhere(data: bytes) -> None:
    assert [verify(line, KEYS) for line in read(data).license_lines] == [Verification.VALID] * 2


@settings(max_examples=500)
@given(anything())
def test_whatever_still_verifies_is_a_line_that_was_signed(data: bytes) -> None:
    signed = {canonical(line) for line in read(SIGNED).license_lines}
    for line in read(data).license_lines:
        if verify(line, KEYS) is Verification.VALID:
            assert canonical(line) in signed


def test_the_real_files_are_read_without_a_fault() -> None:
    assert [read(data).faults for data in REAL] == [()] * len(REAL)
    assert [len(read(data).lines) for data in REAL] == [2, 2, 2, 6, 8]
    assert {"SORT"} == {name for line in read(OTHERS).license_lines for name in line.attributes} & UNSIGNED
