"""One spelling for every MAC address."""

import pytest

from shared.license_file.mac import InvalidMac, normalize_mac

SPELLINGS = {
    "bare": "0015c5f3a1b2", "upper": "0015C5F3A1B2", "colons": "00:15:c5:f3:a1:b2", "dashes": "00-15-C5-f3-A1-b2",
    "dots": "0015.c5f3.a1b2", "halves": "0015c5-f3a1b2", "blanks_around": " \t00:15:C5:F3:A1:B2\r\n",
}  # fmt: skip
REFUSED = {
    "empty": "", "eleven_digits": "0015C5F3A1B", "thirteen_digits": "0015C5F3A1B2C", "no_hexadecimal": "0015C5F3A1G2",
    "mixed_separators": "00:15-c5:f3-a1:b2", "uneven_groups": "001:5c5:f3a:1b2:0:0", "short_octets": "0:15:c5:f3:a1:b2",
    "empty_group": "0015c5f3a1b2:", "blank_inside": "0015c5 f3a1b2", "digits_of_other_scripts": "٠٠١٥٠٠١٥٠٠١٥",
    "uneven_dots": "001.5c5f.3a1b2", "all_zero": "00:00:00:00:00:00", "broadcast": "ff:ff:ff:ff:ff:ff", "multicast": "01:00:5e:00:00:01",
}  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_every_usual_spelling_is_one_address(text: str) -> None:
    assert normalize_mac(text) == "0015C5F3A1B2"


def test_a_locally_administered_address_is_usable() -> None:
    assert normalize_mac("02:42:ac:11:00:02") == "0242AC110002"


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_what_no_network_card_can_have_is_refused(text: str) -> None:
    with pytest.raises(InvalidMac, match="twelve hexadecimal digits") as refused:
        normalize_mac(text)
    assert refused.value.text == text
    assert refused.value.reason
