"""Mutants that may survive: a part of the line before and after, and why no test can or should notice."""

from collections.abc import Mapping
from typing import Final

_TYPE: Final = "the name of a type, for readers and for mypy"
_FALSE: Final = "as false as False"
_SAME_LENGTH: Final = "one is made from the other, so they are always of one length; `strict` says so to the reader"
_SAME_CODEC: Final = "another spelling of the same codec"
_ANY_CASE: Final = "a line keeps its attributes in upper case, however they are given"
_SAME_PATTERN: Final = "another spelling of the same pattern"

ACCEPTED: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "services.licensefile.domain.verdict": (("strict=True", "zip(", _SAME_LENGTH),),
    "services.licensefile.domain.lines": (
        ("strict=True", "zip(", _SAME_LENGTH),
        ("if line.issued else ()", "or True else ()", "a line that was issued at no time counts as the earliest day, and voids nothing"),
        ("line.license_line_id or 0", "line.license_line_id or 1", "a line without LicLineID is refused, so its place never matters"),
    ),
    "services.licensefile.domain.standing": (
        ("State = ", "State = ", _TYPE),
        (
            "since is None or ends is None",
            "since is None and ends is None",
            "both are there or neither; for mypy",
        ),
    ),
    "services.licensefile.domain.offer": (
        ("SignatureFault = ", "SignatureFault = ", _TYPE),
        ("CheckSignature = ", "CheckSignature = None", _TYPE),
        ("bool(self.lines) or", "bool(None) or", "the quick way for a readable line is not taken; the slow one says the same"),
    ),
    "shared.license_file.signature": (('"SIGN", ""', '"SIGN", "XXXX"', "neither is a signature of 128 digits"),),
    "shared.license_file.grammar": (
        ("Reader = ", "Reader = None", _TYPE),
        ('else ""', 'else "XXXX"', "neither is a keyword, so no specific code stands beside `syntax`"),
    ),
    "shared.license_file.words": (
        ("re.compile", "0A-", _SAME_PATTERN),
        ("re.compile", "x1F", _SAME_PATTERN),
        ("utf-8", "UTF-8", _SAME_CODEC),
        ("latin-1", "LATIN-1", _SAME_CODEC),
        ("if match else at", "or True else at", "the pattern matches everywhere, be it nothing; the test is for mypy"),
        ("if closing < 0", "if closing <", "what is searched behind a quote is never found at its beginning"),
        ("self.text.lstrip", "self.text.rstrip", "the quick way for comments is not taken; the slow one says the same"),
        ("self.text.lstrip", "XX#XX", "the quick way for comments is not taken; the slow one says the same"),
        ("depth += 1", '!= "{"', "counted downwards instead of upwards; the end is where the count is zero again"),
        ("depth += 1", "depth -= 1", "counted downwards instead of upwards; the end is where the count is zero again"),
    ),
    "shared.license_file.values": (("<= 11", "<= 12", "it only bounds the cost: no date of twelve characters passes what follows"),),
    "shared.license_file.attributes": (
        ("_Reads = ", "_Reads = None", _TYPE),
        ('(str, "text", None)', "TEXT", "any text is good, so this word is never shown"),
        ('(str, "text", None)', "XXtextXX", "any text is good, so this word is never shown"),
    ),
    "shared.license_file.lines": (
        ("compare=False", "compare=None", _FALSE),
        ("init=False", "init=None", _FALSE),
        ("repr=False", "repr=None", _FALSE),
        ('"OVERDRAFT", ""', "XXXX", "neither is a number"),
        ('"START", ""', "XXXX", "neither is a day"),
        ('"ISSUED", ""', "XXXX", "neither is a day"),
        *(("values.elements(", after, "what stands around elements says nothing") for after in ("None)", ", )", "'XXXX'", "}XX<")),
        *(('replace("_", "a")', after, "only whether it is a letter is asked, not which") for after in ('"A"', '"XXaXX"')),
    ),
    "shared.license_file.mac": (
        ('), "")', "), None)", "neither text nor None separates anything"),
        ('), "")', '"XXXX")', "what holds this separator is no MAC with it and none without"),
        ("12 // len", "12 / len", "of groups that pass the check of their number, 12 is a multiple"),
    ),
    "shared.license_file.servers": (
        ("break", "return", "a line with a fault is dropped, whatever its reader answers"),
        ("return 1 if", "return 2 if", "only whether PRIMARY_IS_MASTER is there is asked, not its number"),
        ('"PORT", ""', "XXXX", "neither is a port"),
    ),
    "shared.license_file.writing": (("rows[3].sort(", "key=None", "NOTICE stands before SIGN in the alphabet as well"),),
    "shared.license_file.composing": (
        ("order_count or 0", "order_count or 1", "both are numbers that a line can hold, so neither is refused"),
        *((f'"{name}"', f'"{name.lower()}"', _ANY_CASE) for name in ("VENDOR_STRING", "HOSTID", "NOTICE", "OVERDRAFT", "START", "ISSUED")),
    ),
}
