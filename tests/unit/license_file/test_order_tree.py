"""What counts for nothing, and what is a fault, where files and statements are checked without the vendor."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.license_file.order_tree import OrderProof, Proof, prove
from shared.license_file.signature import key_id_of, sign
from shared.license_file.statement import StatedFile, Statement, StatementRefused, read_statement, write_statement
from shared.license_file.trusted_key import Validity
from shared.license_file.writing import write_file
from tests.unit.license_file.made import ANCESTOR, FILE_ID, KEY, KEYS, OLDEST, OTHER_KEY, made_line

DAY = date(2026, 4, 1)
NEWER = "20260401080000000"


def lic(*, key: Any = KEY, nodes: int = 0, comment: str = "", **changes: Any) -> bytes:
    """A signed file of one PHONE_UNIT line, with a CCM_NODE line if it has ``nodes``."""
    values = {"order_count": 20000, **changes}
    lines = [made_line(**values)]
    if nodes:
        lines.append(made_line(**{**values, "feature": "CCM_NODE", "units": nodes, "license_line_id": 1, "overdraft_units": 0}))
    return write_file([sign(line, key) for line in lines], comment)


def proof_of(*files: bytes, on: date = DAY, statement: Statement | None = None) -> Proof:
    return prove([(f"{number}.lic", data) for number, data in enumerate(files)], KEYS, on, [statement] if statement else [])


def only_order(*files: bytes, on: date = DAY, statement: Statement | None = None) -> OrderProof:
    proof = proof_of(*files, on=on, statement=statement)
    assert proof.refused == ()
    (order,) = proof.orders
    return order


def reason(*files: bytes) -> str:
    proof = proof_of(*files)
    assert proof.orders == ()
    assert not proof.proven
    return proof.refused[0].reason


def test_what_is_not_signed_by_a_given_key_never_counts() -> None:
    assert "a key that was not given" in reason(lic(key=OTHER_KEY))
    assert "does not fit" in reason(lic().replace(b"<Count>15000<", b"<Count>15001<"))
    assert "KeyId none" in reason(write_file([made_line(order_count=20000)]))


def test_half_a_license_is_not_a_license() -> None:
    whole = lic(nodes=3)
    assert "line 7" in reason(whole.replace(b"<Count>3<", b"<Count>4<"))
    assert "line 13, column" in reason(whole + b"INCREMENT\n")
    assert "no license line" in reason(b"# nothing\n")
    assert "no license line" in reason(b"")


def test_lines_that_were_copied_together_are_no_file() -> None:
    assert "LicFileID" in reason(lic() + lic(license_file_id=NEWER, license_line_id=1))
    assert "PAK" in reason(lic() + lic(pak="OTHER", license_line_id=1))
    assert "Replaces" in reason(lic() + lic(replaces=(ANCESTOR,), license_line_id=1))
    assert "HOSTID" in reason(lic() + lic(mac="0015C5F3A1B3", license_line_id=1))
    assert "MigrationId" in reason(lic() + lic(migration_id="m", license_line_id=1))
    assert "same LicLineID" in reason(lic() + lic(units=1))


def test_a_line_that_is_part_of_no_order_and_one_that_replaces_itself_prove_nothing() -> None:
    assert "part of no order" in reason(lic(pak=""))
    assert "replaces itself" in reason(lic(replaces=(FILE_ID,)))
    assert "is no instant" in reason(lic(license_file_id="20261399000000000"))


def test_a_file_made_on_a_day_on_which_its_key_made_none_counts_for_nothing() -> None:
    (key_id,) = KEYS
    days = {key_id: Validity(not_after=date(2026, 3, 31))}
    proof = prove([("old", lic()), ("new", lic(license_file_id=NEWER))], KEYS, DAY, (), days)
    assert [one.file.license_file_id for one in proof.orders[0].files] == [FILE_ID]
    assert [(one.name, one.reason) for one in proof.refused] == [
        ("new", f"line 1: made on 2026-04-01, a day on which key {key_id} made no files")
    ]


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_garbage_is_refused_and_never_more(files: list[bytes]) -> None:
    proof = proof_of(*files)
    assert len(proof.refused) == len(files)
    assert proof.orders == ()


def test_a_file_counts_once_however_often_it_is_given() -> None:
    order = only_order(lic(), lic(), lic(comment="another comment"))
    assert [(total.good, total.ordered) for total in order.totals] == [(15000, 20000)]
    assert order.files[0].file.names == ("0.lic", "1.lic", "2.lic")


def test_two_files_that_say_different_things_under_one_id_are_both_refused() -> None:
    proof = proof_of(lic(), lic(units=1), lic())
    assert {one.name for one in proof.refused} == {"0.lic", "1.lic", "2.lic"}
    assert proof.orders == ()
    part = proof_of(lic(nodes=3), lic())
    assert len(part.refused) == 2, "a line was left out of one of them"


def test_the_tree_has_each_file_below_the_one_that_it_replaces_and_tells_the_direct_successor() -> None:
    files = [lic(license_file_id=OLDEST), lic(license_file_id=ANCESTOR, replaces=(OLDEST,)), lic(replaces=(ANCESTOR, OLDEST))]
    order = only_order(*reversed(files), lic(license_file_id=NEWER, units=5000))
    shown = [(one.file.license_file_id, one.depth, one.void_by, one.valid) for one in order.files]
    assert shown == [(OLDEST, 0, ANCESTOR, False), (ANCESTOR, 1, FILE_ID, False), (FILE_ID, 2, "", True), (NEWER, 0, "", True)]
    assert [(total.good, total.valid, total.ordered) for total in order.totals] == [(20000, 20000, 20000)]
    gap = only_order(files[0], files[2])
    assert [(one.file.license_file_id, one.depth, one.void_by) for one in gap.files] == [(OLDEST, 0, FILE_ID), (FILE_ID, 1, "")]


def test_files_that_replace_one_another_in_a_circle_are_shown_once_and_grant_nothing() -> None:
    order = only_order(lic(replaces=(ANCESTOR,)), lic(license_file_id=ANCESTOR, replaces=(FILE_ID,)))
    assert [one.valid for one in order.files] == [False, False]


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (date(2026, 3, 13), (False, "made on 2026-03-14 only")),
        (date(2026, 3, 14), (False, "valid from 2026-03-20 on")),
        (date(2026, 3, 20), (True, "")),
        (date(2026, 4, 30), (True, "")),
        (date(2026, 5, 1), (False, "expired on 2026-04-30")),
    ],
)
def test_on_which_days_a_file_is_valid(on: date, expected: tuple[bool, str]) -> None:
    order = only_order(lic(start=date(2026, 3, 20), expiry=date(2026, 4, 30)), on=on)
    assert (order.files[0].valid, order.files[0].why_not) == expected


def test_a_file_is_valid_until_the_day_before_its_successor_was_made() -> None:
    files = lic(), lic(license_file_id=NEWER, replaces=(FILE_ID,))
    assert [[one.valid for one in only_order(*files, on=day).files] for day in (date(2026, 3, 31), DAY)] == [[True, False], [False, True]]
    assert only_order(*files, on=DAY).files[0].why_not == f"replaced by {NEWER}"


def test_parts_that_exceed_the_order_are_a_fault_and_so_are_orders_of_two_sizes_or_none() -> None:
    (fault,) = only_order(lic(), lic(license_file_id=NEWER, units=5001)).faults
    assert fault == "20001 of PHONE_UNIT are good, but the order holds 20000"
    (fault,) = only_order(lic(), lic(license_file_id=NEWER, units=1, order_count=20001)).faults
    assert "[20000, 20001]" in fault
    assert any("does not say how much" in fault for fault in only_order(lic(order_count=None)).faults)


def test_each_order_is_proven_by_itself() -> None:
    proof = proof_of(lic(), lic(license_file_id=NEWER, pak="OTHER"), lic(license_file_id=OLDEST, pak="", migration_id="m-1"))
    assert [order.order for order in proof.orders] == ["PAK 7K2M9QX4TB", "PAK OTHER", "migration m-1"]
    assert proof.proven


def stated(*files: StatedFile, units: int = 20000) -> Statement:
    return Statement("7K2M9QX4TB", "4711", 0, units, datetime(2026, 4, 2, tzinfo=UTC), files)


def signed(statement: Statement, key: Any = KEY) -> bytes:
    return write_statement(statement, key_id_of(key.public_key()), key.sign)


def row(data: bytes, license_file_id: str = FILE_ID, **changes: Any) -> StatedFile:
    (file,) = only_order(data).files
    (sha256,) = file.file.sha256s
    values = {"units": 15000, "replaces": None, "voids": (), "returned_at": None, **changes}
    return StatedFile(license_file_id=license_file_id, share=1, nodes=0, mac="0015C5F3A1B2", sha256=sha256, **values)


def test_a_statement_says_that_a_file_is_missing_voids_what_is_not_given_and_names_what_is_not_its_own() -> None:
    first, second = lic(), lic(license_file_id=NEWER, replaces=(FILE_ID,))
    both = stated(row(first), row(second, NEWER, replaces=FILE_ID, voids=(FILE_ID,)))
    assert only_order(first, second, statement=both).proven
    order = only_order(first, statement=both)
    assert [one.license_file_id for one in order.missing] == [NEWER]
    assert (order.files[0].valid, order.files[0].why_not, order.proven) == (False, f"replaced by {NEWER}", False)
    assert only_order(first, statement=both, on=date(2026, 3, 31)).files[0].valid
    (fault,) = only_order(first, second, statement=stated(row(first))).faults
    assert f"{NEWER} is not in the statement of 2026-04-02 00:00:00 UTC" in fault
    assert only_order(first, statement=stated(row(first, returned_at=datetime(2026, 3, 20, tzinfo=UTC)))).files[0].why_not == (
        "returned to the order"
    )


def test_what_differs_from_the_statement_is_a_fault() -> None:
    data = lic()
    for other, said in (
        (stated(row(data, units=14999)), "something else than the statement"),
        (stated(row(data, voids=(OLDEST,))), "something else than the statement"),
        (stated(row(lic(comment="another"))), "other bytes"),
        (stated(row(data), units=20001), "names 20000 of PHONE_UNIT"),
        (stated(row(data), row(lic(license_file_id=NEWER), NEWER)), "hold more than its order"),
    ):
        assert any(said in fault for fault in only_order(data, statement=other).faults), said


def test_without_any_file_a_statement_says_what_there_is() -> None:
    (order,) = proof_of(statement=stated(row(lic()))).orders
    assert [one.license_file_id for one in order.missing] == [FILE_ID]


def test_a_statement_is_refused_with_the_reason() -> None:
    whole = signed(stated(row(lic()), row(lic(license_file_id=NEWER), NEWER)))
    cut = b"".join(line for line in whole.splitlines(keepends=True) if NEWER.encode() not in line)
    no_day = signed(stated(row(lic())), KEY).replace(b"as-of 2026-04-02", b"as-of 2026-13-02")
    for data, said in (
        (b"", "does not begin with"),
        (b"\xff", "other characters"),
        (whole[:-1], "cannot be read behind its 2. file"),
        (whole + b"\n", "cannot be read"),
        (cut, "cannot be read behind its 1. file"),
        (whole.replace(b"units 20000\n", b"units 30000\n"), "does not fit it"),
        (no_day, "does not fit it"),
        (signed(stated(), OTHER_KEY), "none of those given"),
    ):
        with pytest.raises(StatementRefused, match=said):
            read_statement(data, KEYS)


def test_a_statement_of_a_day_on_which_its_key_made_nothing_is_refused() -> None:
    (key_id,) = KEYS
    data = signed(stated(row(lic())), KEY)
    assert read_statement(data, KEYS, {key_id: Validity(not_after=date(2026, 4, 2))}).order_id == "4711"
    with pytest.raises(StatementRefused, match="made nothing"):
        read_statement(data, KEYS, {key_id: Validity(not_after=date(2026, 4, 1))})


@given(st.binary(max_size=400))
def test_a_statement_of_garbage_is_refused_and_never_more(data: bytes) -> None:
    with pytest.raises(StatementRefused):
        read_statement(data, KEYS)
