"""Scopes, sides and keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.caller import Caller, ForeignScope, LastAdmin, check_deletable, check_same_side, managed_by, may
from gateway.domain.key import digest_of, looks_like_key, new_key

SCOPES = ("viewer", "operator", "admin", "vendor")


@pytest.mark.parametrize(
    ("held", "opens"),
    [
        ("viewer", {"viewer"}),
        ("operator", {"viewer", "operator"}),
        ("admin", {"viewer", "operator", "admin"}),
        ("vendor", {"vendor"}),
    ],
)
def test_viewer_is_less_than_operator_is_less_than_admin_and_vendor_stands_apart(held: str, opens: set[str]) -> None:
    assert {needed for needed in SCOPES if may(held, needed)} == opens


@pytest.mark.parametrize("scope", SCOPES)
def test_each_side_manages_its_own_callers_only(scope: str) -> None:
    for manager in ("admin", "vendor"):
        if (manager == "vendor") == (scope == "vendor"):
            check_same_side(manager, Caller("somebody", scope))
            assert scope in managed_by(manager)
        else:
            with pytest.raises(ForeignScope, match=f"'somebody' is a caller of scope {scope}; a key of scope {manager} manages"):
                check_same_side(manager, Caller("somebody", scope))


@pytest.mark.parametrize("scope", ["admin", "vendor"])
def test_the_last_one_that_manages_callers_stays(scope: str) -> None:
    with pytest.raises(LastAdmin, match=f"'me' is the last caller of scope {scope}"):
        check_deletable(Caller("me", scope), ["me"])
    check_deletable(Caller("me", scope), ["me", "you"])


def test_the_last_viewer_may_go() -> None:
    check_deletable(Caller("me", "viewer"), ["me"])


def test_keys_differ_and_are_recognised() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(looks_like_key(key) and len(digest_of(key)) == 32 for key in keys)


@given(st.text() | st.text("lk_", max_size=45))
def test_what_is_no_key_is_told_from_one_without_the_store(text: str) -> None:
    assert not looks_like_key(text)


@pytest.mark.parametrize("ending", ["\n", "=", "a", " "])
def test_a_key_has_nothing_behind_it(ending: str) -> None:
    assert not looks_like_key(new_key() + ending)
