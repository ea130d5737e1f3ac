"""What a license file says, and who may replace whom."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from services.registration.domain.license_file import (
    MOST_REHOSTS,
    AlreadyRehosted,
    Content,
    LicenseFile,
    RehostLimitReached,
    SameMac,
    ancestors_of,
    check_rehost,
    comment_of,
    id_of,
    lines_of,
    next_id,
    overdraft_of,
)
from tests.unit.registration.test_shares import order

MAC, OTHER = "0015C5F3A1B2", "0015C5F3A1B3"
FILE_ID = "20260314092653589"
WHOLE = Content(share=1, nodes=20, units=20000, overdraft_units=1000, mac=MAC, original_mac=MAC)
FILE = LicenseFile(
    license_file_id=FILE_ID, order_id=4711, share=1, nodes=20, units=20000, overdraft_units=1000, mac=MAC, original_mac=MAC,
    email="it@example.com", replaces=None, reason=None, sha256="", made_by="desk", made_at=datetime(2026, 3, 14, tzinfo=UTC),
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
    after = lines_of(order(), replace(WHOLE, mac=OTHER, ancestors=(FILE_ID, "20260101000000000")), "20260401000000000")
    for old, new in zip(before, after, strict=True):
        assert (new.host_ids, new.original_mac, new.replaces) == ((OTHER,), MAC, (FILE_ID, "20260101000000000"))
        assert new.attributes["HOSTID"] == OTHER.lower()
        for same in ("feature", "version", "expiry", "units", "overdraft_units", "order_count", "pak", "license_line_id"):
            assert getattr(new, same) == getattr(old, same)


def test_the_comment_names_order_and_share() -> None:
    assert comment_of(order(), WHOLE) == "order 4711, share 1: 20 of 20 nodes, 20000 of 20000 units"
    assert comment_of(order(), replace(WHOLE, ancestors=(FILE_ID,))).endswith(f"\nreplaces {FILE_ID}")


def test_an_id_is_the_moment_and_a_taken_one_moves_to_the_next_free_millisecond() -> None:
    now = datetime(2026, 12, 31, 23, 59, 59, 998_999, tzinfo=UTC)
    assert id_of(now) == "20261231235959998"
    assert next_id(now, set()) == "20261231235959998"
    assert next_id(now, {"20261231235959998", "20261231235959999", "20270101000000001"}) == "20270101000000000"


def test_a_file_is_rehosted_once_to_another_mac_and_not_for_ever() -> None:
    check_rehost(FILE, (), OTHER, of_current_key=True)
    with pytest.raises(SameMac):
        check_rehost(FILE, (), MAC, of_current_key=True)
    check_rehost(FILE, (), MAC, of_current_key=False)
    with pytest.raises(AlreadyRehosted) as refused:
        check_rehost(replace(FILE, replaced_by="20260401000000000"), (), OTHER, of_current_key=True)
    assert refused.value.successor == "20260401000000000"
    with pytest.raises(RehostLimitReached):
        check_rehost(FILE, ["x"] * MOST_REHOSTS, OTHER, of_current_key=True)


def test_ancestors_stand_from_the_direct_one_to_the_oldest() -> None:
    assert ancestors_of("c", {"c": "b", "b": "a", "y": "x"}) == ("b", "a")
    assert ancestors_of("a", {"b": "a"}) == ()
