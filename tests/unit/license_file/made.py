"""License lines, keys and files that these tests share."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.license_file.composing import license_line
from shared.license_file.grammar import read
from shared.license_file.lines import LicenseLine
from shared.license_file.signature import key_id_of

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
KEYS = {key_id_of(KEY.public_key()): KEY.public_key()}
FILE_ID = "20260314092653589"
ANCESTOR, OLDEST = "20260101000000001", "20251224180000000"

EXAMPLE = r"""# order 4711, share 1 of 2
INCREMENT CCM_NODE cisco 5.0 permanent uncounted \
VENDOR_STRING=<Count>15</Count><OrigMacId>0015C5F3A1B2</OrigMacId><LicFileVersion>1.0</LicFileVersion> \
HOSTID=0015c5f3a1b2 \
NOTICE="<LicFileID>20260314092653589</LicFileID><LicLineID>1</LicLineID> \
<PAK>7K2M9QX4TB</PAK>" SIGN="1A2B 3C4D"
INCREMENT PHONE_UNIT cisco 5.0 permanent uncounted \
VENDOR_STRING=<Count>15000</Count><OrigMacId>0015C5F3A1B2</OrigMacId><LicFileVersion>1.0</LicFileVersion> \
HOSTID=0015c5f3a1b2 OVERDRAFT=750 \
NOTICE="<LicFileID>20260314092653589</LicFileID><LicLineID>2</LicLineID> \
<PAK>7K2M9QX4TB</PAK>" SIGN="5E6F 7081"
"""


def made_line(**changes: Any) -> LicenseLine:
    """A production line of 15 000 units; `changes` go to `license_line`."""
    values: dict[str, Any] = {
        "feature": "PHONE_UNIT", "version": "5.0", "units": 15000, "mac": "0015C5F3A1B2",
        "license_file_id": FILE_ID, "license_line_id": 2, "pak": "7K2M9QX4TB", "overdraft_units": 750,
    }  # fmt: skip
    return license_line(**{**values, **changes})


def only_line(text: str | bytes) -> LicenseLine:
    """The one license line of a text that must have no fault."""
    found = read(text.encode() if isinstance(text, str) else text)
    assert found.faults == ()
    (line,) = found.license_lines
    return line


def codes(text: str | bytes) -> set[str]:
    """The fault codes of a text."""
    return {fault.code for fault in read(text.encode() if isinstance(text, str) else text).faults}
