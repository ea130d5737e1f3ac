"""Whatever is uploaded is judged: no file makes the verdict raise, and none is accepted that does not say what was signed."""

from dataclasses import replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from services.licensefile.domain.history import Known, Record
from services.licensefile.domain.installed import accepted
from services.licensefile.domain.lines import grants_of
from services.licensefile.domain.verdict import judge
from shared.license_file.grammar import read
from shared.license_file.signature import canonical
from shared.license_file.writing import write_file
from tests.unit.license_file.mangled import PIECES, anything
from tests.unit.licensefile.made import FILE_ID, HEADQUARTERS, NOON, OTHER_ID, made_file, made_line, offered

TODAY = date(2026, 3, 14)
GOOD = made_file()
SIGNED = {canonical(line) for line in read(GOOD).license_lines}
KNOWN = [
    {}, {FILE_ID: Known(None, OTHER_ID)}, {FILE_ID: Known(Record("headquarters", "installed", "x"))},
    {FILE_ID: Known(Record("branch", "retired", "x"), OTHER_ID)},
]  # fmt: skip


@st.composite
def mangled_good_file(draw: st.DrawFn) -> bytes:
    data = GOOD
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from([0, 1, 2, 60])))
        put = draw(st.sampled_from([b"", *PIECES]) | st.binary(max_size=3) | st.just(data[start:end] * 2))
        data = data[:start] + put + data[end:]
    return data


@settings(max_examples=400)
@given(anything() | mangled_good_file(), st.text(max_size=12).map(lambda name: f"{name}.lic"), st.sampled_from(KNOWN))
def test_every_upload_is_judged_and_told_in_words(content: bytes, name: str, known: dict[str, Known]) -> None:
    for reason in judge(offered(content, name), HEADQUARTERS, known, TODAY):
        assert reason.text.isprintable()
        assert len(reason.text) <= 500
        assert reason.line is None or 1 <= reason.line <= content.count(b"\n") + 1


@settings(max_examples=400)
@given(mangled_good_file())
def test_what_is_accepted_was_signed_line_by_line(content: bytes) -> None:
    offer = offered(content)
    if judge(offer, HEADQUARTERS, {}, TODAY) == ():
        assert {canonical(line) for line in offer.text.license_lines} <= SIGNED
        file = accepted(offer, HEADQUARTERS, NOON, "caller")
        assert file.license_file_id == FILE_ID
        assert {grant.feature for grant in grants_of(file.lines)} <= {"PHONE_UNIT", "CCM_NODE"}


def test_one_flipped_bit_is_refused_or_changes_nothing_at_all() -> None:
    """Every bit of a file. What is still accepted says exactly the same."""
    data = write_file([made_line()])
    whole = offered(data)
    assert judge(whole, HEADQUARTERS, {}, TODAY) == ()
    tolerated = 0
    for at in range(len(data)):
        for bit in range(8):
            changed = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            offer = offered(changed)
            if judge(offer, HEADQUARTERS, {}, TODAY) == ():
                tolerated += 1
                assert offer.digest == whole.digest
                assert offer.lines == whole.lines
    # Case of keywords, of attribute names and of the signature's digits; nothing else.
    assert tolerated == letters_whose_case_is_free(data)


def letters_whose_case_is_free(data: bytes) -> int:
    free = 0
    for line in data.decode().replace("\\\n", "\n").splitlines():
        words = (
            [line]
            if set(line.strip('" ')) <= set("0123456789ABCDEF ")
            else [word.partition("=")[0] for word in line.split(" ") if "=" in word]
        )
        words += [word for word in line.split(" ") if word in ("INCREMENT", "permanent", "uncounted")]
        words += [line.partition('SIGN="')[2]] if "SIGN=" in line else []
        free += sum(letter.isalpha() for word in words for letter in word if not word.startswith("<"))
    return free


def test_a_flipped_bit_in_a_replacement_never_names_another_ancestor() -> None:
    rehosted = made_file(replaces=(OTHER_ID,))
    at = rehosted.index(OTHER_ID.encode())
    for place in range(at, at + 17):
        for bit in range(8):
            changed = rehosted[:place] + bytes([rehosted[place] ^ 1 << bit]) + rehosted[place + 1 :]
            assert judge(offered(changed), HEADQUARTERS, {}, TODAY)


def test_a_file_of_another_cluster_is_judged_by_that_clusters_macs_only() -> None:
    assert judge(offered(GOOD), replace(HEADQUARTERS, macs=()), {}, TODAY)
