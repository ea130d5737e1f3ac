"""Units that nobody signed for: whatever is done to signed lines, no file grants more than its lines say, and each grants once."""

import itertools
from datetime import date

import pytest

from services.licensefile.domain.history import Known, Record
from services.licensefile.domain.lines import grants_of
from services.licensefile.domain.verdict import judge
from shared.license_file.lines import LicenseLine
from shared.license_file.writing import write_file, write_line
from tests.unit.licensefile.made import (
    FILE_ID,
    FOREIGN_MAC,
    HEADQUARTERS,
    MAC,
    OTHER_ID,
    STRANGER,
    made_file,
    made_line,
    offered,
    rebuilt,
    with_attributes,
)

TODAY = date(2026, 3, 14)
NODES, UNITS = made_line(1, feature="CCM_NODE", units=15, overdraft_units=0), made_line(2)
TEXT = write_line(UNITS)


def granted(content: bytes) -> dict[str, tuple[int, int]]:
    """Units and overdraft by feature of an accepted file; empty when it is refused."""
    offer = offered(content)
    if judge(offer, HEADQUARTERS, {}, TODAY):
        return {}
    return {grant.feature: (grant.units, grant.overdraft_units) for grant in grants_of(offer.lines)}


def test_the_signed_file_itself_grants_what_it_says() -> None:
    assert granted(write_file([NODES, UNITS])) == {"PHONE_UNIT": (1000, 50), "CCM_NODE": (15, 0)}


UNSIGNED_LINES = {
    "upgrade": "UPGRADE PHONE_UNIT cisco 5.0 9.0 permanent 99999",
    "package": 'PACKAGE PHONE_UNIT cisco COMPONENTS="PHONE_UNIT CCM_NODE SW_FEATURE"',
    "package_of_a_version": 'PACKAGE ALL cisco 9.0 COMPONENTS=PHONE_UNIT OPTIONS=SUITE',
    "server": f"SERVER host {FOREIGN_MAC} 27000 PRIMARY_IS_MASTER",
    "vendor": "VENDOR cisco /opt/cisco OPTIONS=/opt/units PORT=1",
    "daemon": "DAEMON cisco",
    "use_server": "USE_SERVER",
    "comment": "# INCREMENT PHONE_UNIT cisco 5.0 permanent 99999",
}  # fmt: skip


@pytest.mark.parametrize("line", UNSIGNED_LINES.values(), ids=UNSIGNED_LINES.keys())
@pytest.mark.parametrize("before", [True, False], ids=["before", "behind"])
def test_a_line_that_is_not_signed_changes_no_grant(line: str, before: bool) -> None:
    signed, added = write_file([NODES, UNITS]), f"{line}\n".encode()
    assert granted(added + signed if before else signed + added) == {"PHONE_UNIT": (1000, 50), "CCM_NODE": (15, 0)}


UNSIGNED_ATTRIBUTES = ["asset_info", "dist_info", "user_info", "vendor_info", "sort"]


@pytest.mark.parametrize("name", UNSIGNED_ATTRIBUTES)
@pytest.mark.parametrize(
    "value",
    [
        "<Count>99999</Count>", f"<Replaces>{OTHER_ID}</Replaces>", f"<LicFileID>{OTHER_ID}</LicFileID>", "<KeyId>0</KeyId>",
        "<MigrationId>m-1</MigrationId>", MAC, "OVERDRAFT=99999", "99999",
    ],
)  # fmt: skip
def test_an_unsigned_attribute_has_no_effect(name: str, value: str) -> None:
    plain, dressed = offered(TEXT.encode()), offered(f'{TEXT} {name}="{value}"'.encode())
    assert judge(dressed, HEADQUARTERS, {}, TODAY) == ()
    for part in ("lines", "replaces", "migration_id", "license_file_ids", "digest"):
        assert getattr(dressed, part) == getattr(plain, part)


FORGED = {
    "a_line_of_another_file_added": write_file([NODES, UNITS, made_line(3, license_file_id=OTHER_ID)]),
    "a_line_of_another_file_in_its_place": write_file([NODES, made_line(2, license_file_id=OTHER_ID)]),
    "a_line_twice": write_file([NODES, UNITS, UNITS]),
    "a_line_twice_told_apart_by_an_unsigned_attribute": f"{TEXT}\n{TEXT} sort=1\n".encode(),
    "a_line_twice_told_apart_by_its_spelling": f"{TEXT}\n{TEXT.replace('INCREMENT', 'increment')}\n".encode(),
    "two_lines_of_one_line_id": write_file([UNITS, made_line(2, units=7)]),
    "a_line_id_of_another_spelling": write_file(
        [UNITS, with_attributes(UNITS, {"NOTICE": f"<LicFileID>{FILE_ID}</LicFileID><LicLineID>02</LicLineID>"})]
    ),
    "the_signature_of_another_line": write_file([rebuilt(UNITS, attributes={**UNITS.attributes, "SIGN": NODES.attributes["SIGN"]})]),
    "two_signatures_swapped": write_file(
        [
            rebuilt(NODES, attributes={**NODES.attributes, "SIGN": UNITS.attributes["SIGN"]}),
            rebuilt(UNITS, attributes={**UNITS.attributes, "SIGN": NODES.attributes["SIGN"]}),
        ]
    ),
    "a_stranger_who_names_the_vendors_key": write_file(
        [rebuilt(UNITS, attributes={**UNITS.attributes, "SIGN": made_line(2, key=STRANGER).attributes["SIGN"]})]
    ),
    "one_good_line_beside_a_strangers": write_file([NODES, made_line(2, key=STRANGER)]),
    "one_good_line_beside_an_expired_one": write_file([NODES, made_line(2, expiry=date(2026, 3, 13))]),
    "one_good_line_beside_one_of_another_host": write_file([NODES, made_line(2, mac=FOREIGN_MAC)]),
    "one_good_line_beside_another_vendors": write_file([NODES, made_line(2, vendor="acme")]),
    "any_host": write_file([with_attributes(UNITS, {"HOSTID": "ANY"})]),
    "a_kind_of_host_id_that_looks_like_a_mac": write_file([with_attributes(UNITS, {"HOSTID": f"ID={MAC}"})]),
    "no_ids": write_file([with_attributes(UNITS, {"NOTICE": f"<LicFileID>{FILE_ID}</LicFileID>"})]),
}


@pytest.mark.parametrize("content", FORGED.values(), ids=FORGED.keys())
def test_a_file_put_together_from_signed_parts_grants_nothing(content: bytes) -> None:
    assert granted(content) == {}


def test_the_order_of_lines_never_changes_what_a_file_grants_and_a_part_grants_no_more_than_the_whole() -> None:
    software = made_line(3, feature="SW_FEATURE", units=1, overdraft_units=0)
    lines: list[LicenseLine] = [NODES, UNITS, software]
    whole = granted(write_file(lines))
    for some in (1, 2, 3):
        for chosen in itertools.permutations(lines, some):
            part = granted(write_file(chosen))
            assert part.items() <= whole.items()
            assert len(part) == some


def test_a_part_of_an_installed_file_is_not_installed_beside_it() -> None:
    """Neither here nor in another cluster: one line of each would grant the order twice."""
    first = offered(write_file([NODES]))
    for cluster, wanted in (("headquarters", {"tampered"}), ("branch", {"tampered", "license_in_use"})):
        known = {FILE_ID: Known(Record(cluster, "installed", first.digest))}
        assert {reason.code for reason in judge(offered(write_file([UNITS])), HEADQUARTERS, known, TODAY)} == wanted


def test_a_file_does_not_void_itself_nor_escape_by_naming_itself() -> None:
    assert offered(made_file(replaces=(FILE_ID, OTHER_ID))).replaces == (OTHER_ID,)
