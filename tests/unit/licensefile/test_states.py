"""Every state that an installed file can come into, in full and word for word, and what an accepted file is made of."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.licensefile.domain.cluster import Cluster, lowest_major
from services.licensefile.domain.installed import InstalledFile, accepted
from services.licensefile.domain.lines import file_lines
from services.licensefile.domain.standing import GRANTING, INSTALLED, Mismatch, Revocation, Standing, mismatch_of, standing
from shared.license_file.grammar import read
from shared.license_file.writing import write_file
from tests.unit.licensefile.made import (
    FILE_ID,
    FOREIGN_MAC,
    HEADQUARTERS,
    MAC,
    OTHER_ID,
    OTHER_MAC,
    made_file,
    made_line,
    offered,
    with_attributes,
)  # fmt: skip

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
GRACE = timedelta(days=30)
ENDS = datetime(2026, 4, 13, 12, tzinfo=UTC)
FINE = Standing("installed", "It fits its cluster.")
NO_HOST = Mismatch("host_mismatch", "No node has the MAC.")
TOO_LOW = Mismatch("version_mismatch", "The cluster is at 6.0.")
WITHOUT_HOST = Standing("host_mismatch", "No node has the MAC.", NOON, ENDS)
LATER = NOON + timedelta(days=1)

STEPS: dict[str, tuple[Standing, date | None, Mismatch | None, datetime, Standing]] = {
    "nothing_changes": (FINE, None, None, NOON, FINE),
    "another_reason_for_being_installed": (replace(FINE, reason="Re-hosted."), None, None, NOON, replace(FINE, reason="Re-hosted.")),
    "a_host_is_gone": (FINE, None, NO_HOST, NOON, WITHOUT_HOST),
    "it_is_still_gone": (WITHOUT_HOST, None, replace(NO_HOST, reason="Still none."), LATER, WITHOUT_HOST),
    "a_version_beside_it": (WITHOUT_HOST, None, TOO_LOW, LATER, Standing("version_mismatch", "The cluster is at 6.0.", NOON, ENDS)),
    "the_host_is_back": (WITHOUT_HOST, None, None, LATER, Standing("installed", "It fits its cluster.", NOON, ENDS)),
    "the_last_moment_of_grace": (WITHOUT_HOST, None, NO_HOST, ENDS - timedelta(microseconds=1), WITHOUT_HOST),
    "grace_has_ended": (WITHOUT_HOST, None, NO_HOST, ENDS, Standing(
        "grace_exceeded",
        "No node has the MAC. Its grace ended on 2026-04-13 12:00:00 UTC, so its units were taken back. Have it re-hosted.", NOON, ENDS)),
    "no_grace_at_all": (FINE, None, NO_HOST, ENDS, Standing("host_mismatch", "No node has the MAC.", ENDS, ENDS + GRACE)),
    "it_expired": (FINE, date(2026, 3, 13), None, NOON, Standing(
        "expired", "It was valid through 2026-03-13 23:59:59 UTC. Ask the vendor for a new file.")),
    "it_expired_in_grace": (WITHOUT_HOST, date(2026, 3, 13), NO_HOST, NOON, Standing(
        "expired", "It was valid through 2026-03-13 23:59:59 UTC. Ask the vendor for a new file.", NOON, ENDS)),
}  # fmt: skip


@pytest.mark.parametrize(("now_is", "expires_on", "mismatch", "at", "expected"), STEPS.values(), ids=STEPS.keys())
def test_a_file_comes_into_exactly_this_state(
    now_is: Standing, expires_on: date | None, mismatch: Mismatch | None, at: datetime, expected: Standing
) -> None:
    assert standing(now_is, expires_on, mismatch, at, GRACE) == expected


def test_a_grace_of_no_days_takes_the_units_at_once() -> None:
    ended = standing(FINE, None, NO_HOST, NOON, timedelta(0))
    assert (ended.state, ended.mismatch_since, ended.grace_ends_at) == ("grace_exceeded", NOON, NOON)


@pytest.mark.parametrize("state", ["host_mismatch", "version_mismatch", "grace_exceeded"])
def test_a_mismatch_without_a_grace_cannot_be(state: Any) -> None:
    with pytest.raises(AssertionError):
        Standing(state, "So it is.")
    with pytest.raises(AssertionError):
        Standing("installed", "So it is.", NOON)


def test_which_states_grant_and_which_are_mismatches() -> None:
    assert {"installed", "host_mismatch", "version_mismatch"} == GRANTING
    assert INSTALLED == "It fits its cluster."
    assert FINE.mismatch is None
    assert WITHOUT_HOST.mismatch == NO_HOST
    assert Standing("version_mismatch", "Low.", NOON, ENDS).mismatch == Mismatch("version_mismatch", "Low.")
    assert Standing("grace_exceeded", "Over.", NOON, ENDS).mismatch is None


@pytest.mark.parametrize("keeps", [True, False])
def test_a_revocation_lies_over_the_state(keeps: bool) -> None:
    revocation = Revocation("The key is revoked.", keeps)
    fine, gone = replace(FINE, revocation=revocation), replace(WITHOUT_HOST, revocation=revocation)
    assert (fine.shown_state, fine.shown_reason, fine.granting) == ("key_revoked", "The key is revoked.", keeps)
    assert (gone.shown_state, gone.shown_reason) == ("key_revoked", "The key is revoked. Besides: No node has the MAC.")
    final = Standing("retired", "By hand.", revocation=revocation)
    assert (final.shown_state, final.shown_reason, final.granting) == ("retired", "By hand.", False)
    assert (FINE.shown_state, FINE.shown_reason, FINE.granting) == ("installed", "It fits its cluster.", True)


def cluster(**changes: Any) -> Cluster:
    return replace(HEADQUARTERS, **changes)


def test_why_a_file_does_not_fit_is_told_word_for_word() -> None:
    lines = offered(made_file()).lines
    host = mismatch_of(MAC, lines, cluster(macs=(OTHER_MAC,)))
    assert host == Mismatch("host_mismatch", f"No node of 'headquarters' has the MAC {MAC} that the file is bound to.")
    old = offered(made_file(made_line(1), made_line(2, version="4.2"))).lines
    text = "The cluster is at 5.1, but the file's PHONE_UNIT line is for version 4.2."
    assert mismatch_of(MAC, old, cluster(product_version="5.1")) == Mismatch("version_mismatch", text)


@pytest.mark.parametrize(
    ("feature", "major", "lowest"),
    [("PHONE_UNIT", 4, 4), ("PHONE_UNIT", 5, 5), ("CCM_NODE", 6, 5), ("PHONE_UNIT", 9, 5), ("SW_FEATURE", 5, 5), ("SW_FEATURE", 9, 9)],
)
def test_the_lowest_major_that_a_line_may_have(feature: str, major: int, lowest: int) -> None:
    assert lowest_major(feature, major) == lowest
    assert cluster(product_version=f"{major}.9.9").major == major


def test_a_cluster_knows_no_file_and_is_not_stopped_unless_it_is_said() -> None:
    plain = Cluster("c", 1, "5.0", ())
    assert (plain.license_file_ids, plain.stop) == (frozenset(), None)


def test_an_accepted_file_is_made_of_exactly_this() -> None:
    content = write_file([
        made_line(1, expiry=date(2028, 1, 1), replaces=(OTHER_ID,), migration_id="m-1"),
        made_line(2, expiry=date(2027, 1, 1)), made_line(3),
    ])  # fmt: skip
    offer = offered(content, "hq.lic")
    file = accepted(offer, HEADQUARTERS, NOON, "caller")
    assert file == InstalledFile(
        license_file_id=FILE_ID, cluster="headquarters", file_name="hq.lic", mac=MAC, digest=offer.digest, sha256=offer.sha256,
        size_bytes=len(content), replaces=(OTHER_ID,), migration_id="m-1", expires_on=date(2027, 1, 1), installed_at=NOON,
        installed_by="caller", version=1, standing=FINE, lines=file_lines(read(content).license_lines),
    )  # fmt: skip
    assert file.expires_at == datetime(2027, 1, 1, 23, 59, 59, tzinfo=UTC)
    assert (file.granted, file.superseded_by) == (False, None)
    assert replace(file, expires_on=None).expires_at is None
    with pytest.raises(AssertionError):
        replace(file, version=0)


def test_an_accepted_file_is_bound_and_dated_by_what_grants() -> None:
    old = with_attributes(made_line(1, expiry=date(2026, 1, 31), mac=FOREIGN_MAC), {"ISSUED": "1-jan-2026"})
    both = {"SUPERSEDE": "", "HOSTID": f"{FOREIGN_MAC} {OTHER_MAC}"}
    newer = with_attributes(made_line(2, issued=date(2026, 2, 1), expiry=date(2027, 1, 1)), both)
    file = accepted(offered(write_file([old, newer])), HEADQUARTERS, NOON, "caller")
    assert (file.mac, file.expires_on) == (OTHER_MAC, date(2027, 1, 1))
