"""Cursors: what a listing gave works, everything else is a clear problem and never reaches the database."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.kit.paging import PageRequest
from shared.kit.problems import InvalidCursor

storable = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))


def _cursor(key: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


@settings(deadline=None)
@given(storable, st.integers(-(2**63) + 1, 2**63 - 1))
def test_the_cursor_of_a_full_page_leads_on_from_its_last_key(name: str, number: int) -> None:
    cursor = PageRequest(10, None).next_cursor(10, name, number)
    assert PageRequest(10, cursor).after(str, int) == (name, number)


def test_a_page_that_is_not_full_is_the_last() -> None:
    assert PageRequest(10, None).next_cursor(9, "z") is None
    assert PageRequest(10, None).after(str) is None


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "é",
        "garbage",
        "x" * 1000,
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"[" * 700).decode(),
        base64.urlsafe_b64encode(b"[NaN]").decode(),
        _cursor("name"),
        _cursor({"name": "a"}),
        _cursor([]),
        _cursor(["a", "b"]),
        _cursor([1]),
        _cursor([None]),
        _cursor([True]),
        _cursor([1.5]),
        _cursor(["with\x00nul"]),
        _cursor(["half a pair \ud800"]),
    ],
)
def test_a_cursor_that_no_listing_gave_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        PageRequest(10, cursor).after(str)


@pytest.mark.parametrize("number", [2**63, -(2**63), 10**600, True, "7", 7.0])
def test_a_number_that_the_database_does_not_have_is_refused(number: object) -> None:
    with pytest.raises(InvalidCursor):
        PageRequest(10, _cursor([number])).after(int)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_whatever_is_an_error_that_nobody_foresaw(cursor: str) -> None:
    try:
        (key,) = PageRequest(10, cursor).after(str) or ("",)
    except InvalidCursor:
        return
    assert "\x00" not in key
    assert key.encode()
