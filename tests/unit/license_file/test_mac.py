"""One spelling for every MAC address."""

import pytest

from shared.license_file.mac import InvalidMac, normalize_mac

SPELLINGS = {
    "bare": "0015c5f3a1b2", "upper": "0015C5F3A1B2", "colons": "00:15:c5:f3:a1:b2", "dashes": "00-15-C5-f3-A1-b2",
    "dots": "0015.c5f3.a1b2", "halves": "0015c5-f3a1b2", "blanks_around": " \t00:15:C5:F3:A1:B2\r\n",
}  # fmt: skip
UNEVEN = "it does not consist of twelve hexadecimal digits, evenly grouped by one kind of separator"
REFUSED = {
    "empty": "", "eleven_digits": "0015C5F3A1B", "thirteen_digits": "0015C5F3A1B2C", "no_hexadecimal": "0015C5F3A1G2",
    "mixed_separators": "00:15-c5:f3-a1:b2", "uneven_groups": "001:5c5:f3a:1b2:0:0", "short_octets": "0:15:c5:f3:a1:b2",
    "empty_group": "0015c5f3a1b2:", "blank_inside": "0015c5 f3a1b2", "digits_of_other_scripts": "٠٠١٥٠٠١٥٠٠١٥",
    "uneven_dots": "001.5c5f.3a1b2", "letters_as_separators": "00X15XC5XF3XA1XB2", "letters_as_digits": "0015C5F3A1XX",
    "four_groups": "001:5C5:F3A:1B2", "twelve_groups": "0:0:1:5:C:5:F:3:A:1:B:2", "underscores": "00_15_C5_F3_A1_B2",
    "letters_around": "X0015C5F3A1B2X", "no_break_space": "\u00a00015C5F3A1B2", "vertical_tab": "\v0015C5F3A1B2",
    "fifty_letters": "x" * 50,
}  # fmt: skip
OF_NO_CARD = {
    "00:00:00:00:00:00": "all digits are zero", "ff:ff:ff:ff:ff:ff": "it is the broadcast address",
    "01:00:5e:00:00:01": "it is a multicast (group) address", "AB0000000000": "it is a multicast (group) address",
    "1f0000000000": "it is a multicast (group) address", "F10000000000": "it is a multicast (group) address",
}  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_every_usual_spelling_is_one_address(text: str) -> None:
    assert normalize_mac(text) == "0015C5F3A1B2"


@pytest.mark.parametrize("text", ["02:42:ac:11:00:02", "A0:00:00:00:00:00", "00:00:00:00:00:01", "FE:FF:FF:FF:FF:FF", "1E0000000000"])
def test_an_address_that_a_card_can_have_is_usable(text: str) -> None:
    assert normalize_mac(text) == text.replace(":", "").upper()


@pytest.mark.parametrize(
    ("text", "reason"), [*((text, UNEVEN) for text in REFUSED.values()), *OF_NO_CARD.items()], ids=[*REFUSED, *OF_NO_CARD]
)
def test_what_no_network_card_can_have_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidMac) as refused:
        normalize_mac(text)
    assert (refused.value.text, refused.value.reason) == (text[:40], reason)
    assert str(refused.value) == (
        f"{text[:40]!r} is not a usable MAC address: {reason}. "
        "Give the twelve hexadecimal digits of the server's network card, such as 0015C5F3A1B2 or 00:15:c5:f3:a1:b2."
    )
