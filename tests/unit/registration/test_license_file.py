"""What a license file says, and who may replace whom."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from services.registration.domain.license_file import (
    MOST_VOIDED,
    AlreadyRehosted,
    AlreadyReturned,
    Content,
    LicenseFile,
    RehostLimitReached,
    SameMac,
    comment_of,
    id_of,
    lines_of,
    next_id,
    overdraft_of,
    rehosted,
)
from tests.unit.registration.test_shares import order

MAC, OTHER = "0015C5F3A1B2", "0015C5F3A1B3"
FILE_ID = "20260314092653589"
KEY_ID, OTHER_KEY_ID = "0123456789ABCDEF", "FEDCBA9876543210"
WHOLE = Content(share=1, nodes=20, units=20000, overdraft_units=1000, mac=MAC, original_mac=MAC)
FILE = LicenseFile(
    license_file_id=FILE_ID, order_id=4711, share=1, nodes=20, units=20000, overdraft_units=1000, mac=MAC, original_mac=MAC,
    email="it@example.com", replaces=None, reason=None, sha256="", made_by="desk", made_at=datetime(2026, 3, 14, tzinfo=UTC),
    key_id=KEY_ID,
)  # fmt: skip


@pytest.mark.parametrize(("units", "overdraft"), [(0, 0), (19, 0), (20, 1), (39, 1), (15000, 750), (999_999_999, 49_999_999)])
def test_the_overdraft_is_five_percent_of_the_units_rounded_down(units: int, overdraft: int) -> None:
    assert overdraft_of(units, 5) == overdraft


@pytest.mark.parametrize(
    ("version", "nodes", "units", "features"),
    [
        ("5.0", 20, 20000, ["CCM_NODE", "PHONE_UNIT"]),
        ("5.1.3", 0, 20000, ["PHONE_UNIT"]),
        ("5.0", 20, 0, ["CCM_NODE"]),
        ("6.0", 20, 20000, ["CCM_NODE", "PHONE_UNIT", "SW_FEATURE"]),
        ("12.5", 0, 20000, ["PHONE_UNIT", "SW_FEATURE"]),
    ],
)
def test_a_line_for_each_feature_and_a_software_license_from_6_on(version: str, nodes: int, units: int, features: list[str]) -> None:
    content = replace(WHOLE, nodes=nodes, units=units)
    lines = lines_of(replace(order(), product_version=version), content, FILE_ID)
    assert [line.feature for line in lines] == features
    assert [line.license_line_id for line in lines] == list(range(1, len(lines) + 1))
    assert {line.version for line in lines} == {version}


def test_a_line_names_its_share_and_the_whole_order() -> None:
    nodes, units = lines_of(order(), replace(WHOLE, nodes=15, units=15000, overdraft_units=750), FILE_ID)
    assert (nodes.units, nodes.order_count, nodes.overdraft_units) == (15, 20, 0)
    assert (units.units, units.order_count, units.overdraft_units) == (15000, 20000, 750)
    assert units.expiry is None
    assert "OVERDRAFT" not in nodes.attributes


def test_an_order_of_temporary_licenses_expires_on_every_line() -> None:
    lines = lines_of(replace(order(expires=date(2027, 1, 31)), product_version="6.0"), WHOLE, FILE_ID)
    assert [line.expiry for line in lines] == [date(2027, 1, 31)] * 3


def test_a_rehost_changes_the_host_id_and_names_every_ancestor_and_nothing_else() -> None:
    before = lines_of(order(), WHOLE, FILE_ID)
    after = lines_of(order(), replace(WHOLE, mac=OTHER, replaces=FILE_ID, voids=(FILE_ID, "20260101000000000")), "20260401000000000")
    for old, new in zip(before, after, strict=True):
        assert (new.host_ids, new.original_mac, new.replaces) == ((OTHER,), MAC, (FILE_ID, "20260101000000000"))
        assert new.attributes["HOSTID"] == OTHER.lower()
        for same in ("feature", "version", "expiry", "units", "overdraft_units", "order_count", "pak", "license_line_id"):
            assert getattr(new, same) == getattr(old, same)


def test_the_comment_names_order_and_share() -> None:
    assert comment_of(order(), WHOLE) == "order 4711, share 1: 20 of 20 nodes, 20000 of 20000 units"
    assert comment_of(order(), replace(WHOLE, replaces=FILE_ID, voids=(FILE_ID,))).endswith(f"\nreplaces {FILE_ID}")


def test_an_id_is_the_moment_and_a_taken_one_moves_to_the_next_free_millisecond() -> None:
    now = datetime(2026, 12, 31, 23, 59, 59, 998_999, tzinfo=UTC)
    assert id_of(now) == "20261231235959998"
    assert next_id(now, set()) == "20261231235959998"
    assert next_id(now, {"20261231235959998", "20261231235959999", "20270101000000001"}) == "20270101000000000"


def test_a_file_is_rehosted_once_to_another_mac_or_key_and_names_all_that_it_voids() -> None:
    older = replace(FILE, voids=("20260101000000000",))
    moved = rehosted(older, OTHER, KEY_ID)
    assert (moved.replaces, moved.voids, moved.mac, moved.original_mac) == (FILE_ID, (FILE_ID, "20260101000000000"), OTHER, MAC)
    assert (moved.share, moved.nodes, moved.units, moved.overdraft_units) == (1, 20, 20000, 1000)
    with pytest.raises(SameMac):
        rehosted(FILE, MAC, KEY_ID)
    assert rehosted(FILE, MAC, OTHER_KEY_ID).mac == MAC
    with pytest.raises(AlreadyRehosted) as refused:
        rehosted(replace(FILE, replaced_by="20260401000000000"), OTHER, KEY_ID)
    assert refused.value.successor == "20260401000000000"


def test_a_returned_file_is_not_rehosted_and_says_what_to_do() -> None:
    with pytest.raises(AlreadyReturned, match="Register what remains of the PAK"):
        rehosted(replace(FILE, returned_at=datetime(2026, 4, 1, tzinfo=UTC)), OTHER, KEY_ID)


def test_a_file_voids_so_many_others_and_no_more() -> None:
    many = tuple(str(20250101000000000 + number) for number in range(MOST_VOIDED))
    assert len(rehosted(replace(FILE, voids=many[1:]), OTHER, KEY_ID).voids) == MOST_VOIDED
    with pytest.raises(RehostLimitReached, match=f"{MOST_VOIDED} files"):
        rehosted(replace(FILE, voids=many), OTHER, KEY_ID)


def test_the_desk_knows_a_file_as_current_replaced_or_returned() -> None:
    returned = replace(FILE, returned_at=datetime(2026, 4, 1, tzinfo=UTC))
    assert [file.state for file in (FILE, returned, replace(FILE, replaced_by="20260401000000000"))] == ["current", "returned", "replaced"]
