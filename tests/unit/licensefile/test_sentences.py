"""Every reason of refusal, word for word, beside the file that deserves it: ``sentences.txt`` is what the administrator reads.

A new reason needs a case in ``cases()`` or in one of the tables of ``test_verdict``, and its lines in ``sentences.txt``.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

from services.licensefile.domain.cluster import Cluster
from services.licensefile.domain.history import Known, Record
from services.licensefile.domain.reasons import LicenseFileRefused, Reason, refused
from services.licensefile.domain.verdict import judge
from shared.license_file.writing import write_file, write_line
from tests.unit.licensefile.made import (
    FILE_ID,
    FOREIGN_MAC,
    HEADQUARTERS,
    MAC,
    OLD_ID,
    OLDEST_ID,
    OTHER_ID,
    made_file,
    made_line,
    offered,
    with_attributes,
)
from tests.unit.licensefile.test_verdict import FILES, GOOD, HISTORY, NAMES, TODAY, TOMORROW, YESTERDAY, at

SENTENCES = Path(__file__).with_name("sentences.txt")
NODES = tuple(f"0015C5F3A1{number:02X}" for number in range(1, 8))
LINE = made_line()


def judged(content: bytes, *, name: str = "a.lic", cluster: Cluster = HEADQUARTERS, known: Known | None = None) -> tuple[Reason, ...]:
    return judge(offered(content, name), cluster, {FILE_ID: known} if known else {}, TODAY)


def cases() -> Iterator[tuple[str, tuple[Reason, ...]]]:
    """A name, and the reasons against one file."""
    yield from ((f"file: {name}", judged(content)) for name, (content, _) in FILES.items())
    yield from ((f"name: {name}", judged(GOOD, name=file_name)) for name, (file_name, _) in NAMES.items())
    yield from ((f"history: {name}", judged(GOOD, known=known)) for name, (known, _) in HISTORY.items())
    yield "history: only the ledger", judged(GOOD, cluster=replace(HEADQUARTERS, license_file_ids=frozenset({FILE_ID})))
    yield "history: version mismatch", judged(GOOD, known=Known(Record("headquarters", "version_mismatch", offered(GOOD).digest)))
    yield (
        "history: superseded, and the ledger knows it",
        judged(GOOD, known=Known(None, OTHER_ID), cluster=replace(HEADQUARTERS, license_file_ids=frozenset({FILE_ID}))),
    )
    yield from _of_hosts_and_versions()
    yield from _of_lines()


def _of_hosts_and_versions() -> Iterator[tuple[str, tuple[Reason, ...]]]:
    yield "host: a cluster without nodes", judged(GOOD, cluster=replace(HEADQUARTERS, macs=()))
    yield "host: five nodes", judged(GOOD, cluster=replace(HEADQUARTERS, macs=NODES[:5]))
    yield "host: seven nodes", judged(GOOD, cluster=replace(HEADQUARTERS, macs=NODES))
    yield "host: seven hosts", judged(made_file(with_attributes(LINE, {"HOSTID": " ".join(["ID=é", *NODES[1:]])})))
    yield "host: a long one", judged(made_file(with_attributes(LINE, {"HOSTID": "x" * 300})))
    yield "version: the software license follows", judged(made_file(made_line(feature="SW_FEATURE")), cluster=at("7.1.2"))
    yield "version: units of 4 at 6", judged(made_file(made_line(version="4.2")), cluster=at("6.0"))


def _of_lines() -> Iterator[tuple[str, tuple[Reason, ...]]]:
    yield (
        "key: a long one in other letters",
        judged(f"INCREMENT PHONE_UNIT cisco 5.0 permanent 1 NOTICE=<KeyId>{'é' * 60}</KeyId>".encode()),
    )
    yield "name: a long one without its extension", judged(GOOD, name=f"b{'a' * 60}.txt")
    yield "name: a long one with a slash", judged(GOOD, name=f"{'a' * 60}/b.lic")
    yield (
        "line: two of one line id and no id",
        judged(write_file(with_attributes(made_line(units=units), {"NOTICE": "<LicLineID>1</LicLineID>"}) for units in (1, 2))),
    )
    yield "line: no id but a line id", judged(made_file(with_attributes(LINE, {"NOTICE": "<LicLineID>1</LicLineID>"})))
    yield (
        "line: three different ids",
        judged(write_file(made_line(number, license_file_id=file_id) for number, file_id in enumerate((OTHER_ID, FILE_ID, OLD_ID)))),
    )
    yield (
        "line: four different ids",
        judged(
            write_file(made_line(number, license_file_id=file_id) for number, file_id in enumerate((OTHER_ID, FILE_ID, OLD_ID, OLDEST_ID)))
        ),
    )
    yield "line: thrice", judged(write_file([LINE, LINE, LINE]))
    yield "void: an old line that another supersedes", judged(superseding(made_line(1, expiry=YESTERDAY, mac=FOREIGN_MAC, version="4.0")))
    yield (
        "void: a feature of the same name",
        judged(write_file([made_line(1, keyword="FEATURE"), made_line(2, keyword="FEATURE", start=TOMORROW)])),
    )
    yield "void, and changed all the same", judged(superseding(made_line(1)).replace(b"<Count>1000<", b"<Count>9000<", 1))
    yield "everything at once", judged(
        f"{write_line(made_line(1, vendor='acme', feature='TELEPORT', version='4.0', mac=FOREIGN_MAC, expiry=YESTERDAY))} sort=1\n"
        "INCREMENT PHONE_UNIT cisco five someday many\nSERVER h\nDAEMON\nnonsense\n".replace("<Count>1000<", "<Count>1<").encode(),
        name="a/b.txt", known=Known(Record("branch", "retired", "another"), OTHER_ID),
    )  # fmt: skip


def superseding(older: object) -> bytes:
    newer = with_attributes(made_line(2, issued=date(2026, 2, 1)), {"SUPERSEDE": ""})
    return write_file([with_attributes(older, {"ISSUED": "1-jan-2026"}), newer])  # type: ignore[arg-type]


def told() -> Iterator[str]:
    for name, reasons in cases():
        yield name
        yield from (f"  {reason.line or '-'} {reason.code}: {reason.text}" for reason in reasons)


def test_every_reason_is_told_in_exactly_its_words() -> None:
    assert list(told()) == SENTENCES.read_text("utf-8").splitlines()


WAY_OUT = re.compile(
    r"\b(Upload|Rename|Ask|Have|Order|Install|Give|Compare|There is nothing to do|restore|put|have|issued anew)\b"
)  # fmt: skip


def test_every_reason_says_what_to_do() -> None:
    silent = [reason for _, reasons in cases() for reason in reasons if not WAY_OUT.search(reason.text)]
    assert silent == []


def test_every_case_of_a_refusal_has_a_reason_and_no_other() -> None:
    accepted = {name for name, reasons in cases() if not reasons}
    assert accepted == {
        *(f"file: {name}" for name, (_, wanted) in FILES.items() if not wanted),
        *(f"name: {name}" for name, (_, wanted) in NAMES.items() if not wanted),
        "void: an old line that another supersedes", "void: a feature of the same name",
    }  # fmt: skip


def test_a_refusal_tells_its_first_reason_and_how_many_there_are() -> None:
    one, two = Reason("expired", 1, "It is old."), Reason("tampered", None, "It is strange.")
    assert str(refused("a.lic", (one,))) == "'a.lic' was refused and nothing of it was stored: It is old."
    assert str(refused("a.lic", (two, one))) == "'a.lic' was refused and nothing of it was stored: It is strange. (2 reasons in all)"
    many = refused("a.lic", (one,) * 101)
    assert many == LicenseFileRefused("a.lic", (one,) * 100, 101)
    assert MAC not in str(many)
