"""One spelling for a MAC address: twelve upper-case hexadecimal digits.

Every comparison between a license file and a node passes through here; two spellings of one address must never differ.
"""

from typing import Final

_HEX: Final = frozenset("0123456789abcdefABCDEF")
_LONGEST: Final = len("00:11:22:33:44:55")


class InvalidMac(Exception):
    """This text is no address of one network card.

    Fields: `text` as it came (cut after 40 characters), `reason` in words.
    """

    def __init__(self, text: str, reason: str) -> None:
        self.text = text[:40]
        self.reason = reason
        super().__init__(
            f"{self.text!r} is not a usable MAC address: {reason}. "
            "Give the twelve hexadecimal digits of the server's network card, such as 0015C5F3A1B2 or 00:15:c5:f3:a1:b2."
        )


def normalize_mac(text: str) -> str:
    """Twelve upper-case hexadecimal digits from any usual spelling; surrounding blanks do not count.

    Raises `InvalidMac` for anything else, and for addresses that no card can have: all zero, broadcast, multicast.
    """
    spelled = text.strip(" \t\r\n")
    digits = _digits(spelled)
    if digits is None:
        raise InvalidMac(text, "it does not consist of twelve hexadecimal digits, evenly grouped by one kind of separator")
    if digits == "0" * 12:
        raise InvalidMac(text, "all digits are zero")
    if digits == "F" * 12:
        raise InvalidMac(text, "it is the broadcast address")
    if int(digits[:2], 16) & 1:
        raise InvalidMac(text, "it is a multicast (group) address")
    return digits


def _digits(spelled: str) -> str | None:
    if len(spelled) > _LONGEST:
        return None
    separator = next((mark for mark in ":-." if mark in spelled), "")
    groups = spelled.split(separator) if separator else [spelled]
    digits = "".join(groups)
    if len(digits) != 12 or not _HEX.issuperset(digits):
        return None
    return digits.upper() if {len(group) for group in groups} <= {12 // len(groups)} and len(groups) in (1, 2, 3, 6) else None
