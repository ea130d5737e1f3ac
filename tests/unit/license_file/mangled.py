"""Files as they come out of mail programs, editors and bad disks: a real one, mangled; and text that only resembles one."""

from hypothesis import strategies as st

from shared.license_file.signature import sign
from shared.license_file.writing import write_file
from tests.unit.license_file.made import ANCESTOR, EXAMPLE, KEY, made_line

SIGNED = write_file(
    [sign(made_line(feature="CCM_NODE", license_line_id=1, replaces=(ANCESTOR,)), KEY), sign(made_line(), KEY)], "order 4711"
)
OTHERS = rb"""# every other line of the grammar
SERVER host.example 0015c5f3a1b2 27000 PRIMARY_IS_MASTER HEARTBEAT_INTERVAL=20
VENDOR cisco "C:\Program Files\d" OPTIONS=/o PORT=27001
USE_SERVER
FEATURE f v 1.0 1-jan-0 5 HOSTID="ANY DEMO ID=1 HOSTNAME=h" SUPERSEDE="f1 f2" SIGN2="0A" BORROW=4 FLOAT_OK sort=1
UPGRADE f v 1.0 2.0 31-dec-2027 5 AUTH={ a=(SIGN="1 2") b={c} }
PACKAGE p v 1.0 COMPONENTS="a:1.0 b" \
  OPTIONS=SUITE ISSUER="M\xfcnchen"
"""
REAL = [SIGNED, SIGNED.replace(b"\n", b"\r\n"), EXAMPLE.encode(), OTHERS, b"\xef\xbb\xbf" + SIGNED + OTHERS]
PIECES = [
    b"INCREMENT ", b"FEATURE ", b"UPGRADE ", b"PACKAGE ", b"SERVER ", b"VENDOR ", b"DAEMON ", b"USE_SERVER",
    b"f v 5.0 permanent 1 ", b" ", b"\t", b"\\\n", b"\\ \r\n", b"\n", b'"', b"{", b"}", b"AUTH={", b"=", b"#", b"\\", b"<Count>",
    b"</Count>", b"<LicLineID>", b"</LicLineID>", b"VENDOR_STRING=", b"NOTICE=", b"HOSTID=", b"START=", b"SUPERSEDE", b"OPTIONS=",
    b"PORT=", b"COMPONENTS=", b"1-jan-0", b"31-dec-2027", b"5", b"a", b"a=b ", b"\x00", b"\x85", b"\xa0", b"\xc3", b"\xc3\xa9",
    b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\xff",
]  # fmt: skip


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """A real file of which parts were cut out, repeated, moved or overwritten."""
    data = draw(st.sampled_from(REAL))
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        end = min(end, start + draw(st.sampled_from([0, 1, 5, 80])))
        put = draw(st.sampled_from([b"", *PIECES]) | st.binary(max_size=4) | st.just(data[start:end] * 2))
        data = data[:start] + put + data[end:]
    return data


def resembling() -> st.SearchStrategy[bytes]:
    """Pieces of the grammar in any order."""
    return st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join)


def anything() -> st.SearchStrategy[bytes]:
    return mangled() | resembling() | st.binary(max_size=300)
