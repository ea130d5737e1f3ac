"""Whatever is sent: a clear problem, nothing stored, and never a 500."""

import re

import httpx
import pytest

from shared.contracts.events.licensefile import LicenseFileInstalled
from tests.house import RememberingBus
from tests.service.licensefile.conftest import Desk, StubLedger, codes
from tests.unit.licensefile.made import FILE_ID, OTHER_ID, made_file

GOOD = made_file()
UPLOAD = "/v1/clusters/headquarters/license-files"
MEGABYTE = 1 << 20

CONTENTS: dict[str, tuple[bytes, set[str]]] = {
    "empty": (b"", {"empty_file"}),
    "binary": (bytes(range(256)) * 100, {"syntax", "no_license_line"}),
    "nul": (b"\0" * 1000, {"syntax", "no_license_line"}),
    "megabyte_of_text": (b"x\n" * (MEGABYTE // 2), {"syntax", "no_license_line"}),
    "megabyte_of_lines": (b"INCREMENT f v 1 permanent 1\n" * (MEGABYTE // 28), set()),
    "surrogates": (b"\xed\xa0\x80 \xff", {"syntax", "no_license_line"}),
}


@pytest.mark.parametrize(("content", "wanted"), CONTENTS.values(), ids=CONTENTS.keys())
async def test_any_bytes_are_refused_with_their_reasons(desk: Desk, bus: RememberingBus, content: bytes, wanted: set[str]) -> None:
    answer = await desk.upload(content)
    assert codes(answer) >= wanted
    assert len(answer.json()["reasons"]) <= 100
    assert (await desk.verify(content)).json()["verdict"] == "refused"
    assert await desk.listed() == []
    assert bus.heard(LicenseFileInstalled) == []


async def test_a_verdict_shows_no_more_lines_than_one_reads_and_counts_them_all(desk: Desk) -> None:
    verdict = (await desk.verify(CONTENTS["megabyte_of_lines"][0])).json()
    assert (len(verdict["lines"]), verdict["lines_total"]) == (100, MEGABYTE // 28)


@pytest.mark.parametrize(("size", "status"), [(MEGABYTE, 201), (MEGABYTE + 1, 413), (MEGABYTE + 60_000, 413)])
async def test_a_file_may_have_one_mebibyte(desk: Desk, size: int, status: int) -> None:
    content = GOOD + b"\n" * (size - len(GOOD))
    answer = await desk.upload(content)
    assert answer.status_code == status
    if status == 413:
        problem = answer.json()
        assert (problem["type"], problem["size_bytes"], problem["limit_bytes"]) == (
            "urn:licensing:problem:content-too-large",
            size,
            MEGABYTE,
        )
    assert len(await desk.listed()) == (1 if status == 201 else 0)


NAMES = {
    "300_characters": "a" * 296 + ".lic",
    "control_characters": "a\x01\x7f.lic",
    "folders": "../../etc/a.lic",
    "line_separator": "a\u2028.lic",
    "right_to_left_override": "a\u202ecil.lic",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
async def test_a_name_that_is_none_is_refused_and_shown_harmlessly(desk: Desk, name: str) -> None:
    answer = await desk.upload(GOOD, name=name)
    assert codes(answer) == {"invalid_file_name"}
    assert len(answer.json()["file_name"]) <= 128
    assert answer.json()["file_name"].isprintable()
    assert await desk.listed() == []


def _part(disposition: bytes, content: bytes = GOOD) -> bytes:
    return b"--x\r\nContent-Disposition: form-data; " + disposition + b"\r\n\r\n" + content + b"\r\n--x--\r\n"


MULTIPART = "multipart/form-data; boundary=x"
REQUESTS: dict[str, tuple[str, bytes]] = {
    "json": ("application/json", b'{"file": "x"}'),
    "no_body": (MULTIPART, b""),
    "no_boundary": ("multipart/form-data", GOOD),
    "broken_multipart": (MULTIPART, b"--y\r\nnonsense"),
    "wrong_part_name": (MULTIPART, _part(b'name="license"; filename="a.lic"')),
    "field_instead_of_file": (MULTIPART, _part(b'name="file"')),
    "no_name_at_all": (MULTIPART, _part(b'filename="a.lic"')),
    "plain_text": ("text/plain", GOOD),
    "form": ("application/x-www-form-urlencoded", b"file=a"),
}


@pytest.mark.parametrize(("content_type", "body"), REQUESTS.values(), ids=REQUESTS.keys())
async def test_what_is_no_upload_is_a_clear_problem(desk: Desk, bus: RememberingBus, content_type: str, body: bytes) -> None:
    for url in (UPLOAD, "/v1/license-file-verifications?cluster=headquarters"):
        answer = await desk.http.post(url, content=body, headers={"content-type": content_type})
        assert answer.status_code in (400, 422)
        assert answer.headers["content-type"] == "application/problem+json"
        assert re.search("file|body|boundary|multipart", answer.json()["detail"], re.IGNORECASE)
    assert bus.envelopes == []


async def test_two_files_in_one_upload_are_refused_and_neither_is_stored(desk: Desk, bus: RememberingBus) -> None:
    both = [("file", (name, made_file(license_file_id=file_id))) for name, file_id in (("a.lic", FILE_ID), ("b.lic", OTHER_ID))]
    for url in (UPLOAD, "/v1/license-file-verifications?cluster=headquarters"):
        answer = await desk.http.post(url, files=both)
        assert (answer.status_code, answer.json()["type"], answer.json()["files"]) == (422, "urn:licensing:problem:several-files", 2)
        assert "one after the other" in answer.json()["detail"]
    assert await desk.listed() == []
    assert bus.envelopes == []


@pytest.mark.parametrize(
    "disposition", [b'name="file"; filename=""', b'name="file"; filename="\xff\xfe.lic"', b'name="file"; filename="a\x00.lic"']
)
async def test_odd_file_names_of_a_raw_request_are_no_internal_error(desk: Desk, disposition: bytes) -> None:
    answer = await desk.http.post(UPLOAD, content=_part(disposition), headers={"content-type": MULTIPART})
    assert answer.status_code in (201, 400, 422)
    if answer.status_code == 201:
        assert answer.json()["file_name"].isprintable()


@pytest.mark.parametrize("cluster", ["a%00b", "%2e%2e", "%20a", "x" * 129, "a%0ab"])
async def test_a_cluster_name_that_is_none_is_a_problem_everywhere(desk: Desk, cluster: str) -> None:
    answers: list[httpx.Response] = [
        await desk.http.post(f"/v1/clusters/{cluster}/license-files", files={"file": ("a.lic", GOOD)}),
        await desk.http.get(f"/v1/clusters/{cluster}/license-files"),
        await desk.http.delete(f"/v1/clusters/{cluster}/license-files/{FILE_ID}"),
        await desk.http.post(f"/v1/license-file-verifications?cluster={cluster}", files={"file": ("a.lic", GOOD)}),
    ]
    assert {answer.status_code for answer in answers} <= {404, 422}
    assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}


async def test_cursors_and_limits_out_of_range_are_422(desk: Desk, ledger: StubLedger) -> None:
    for query in ("limit=0", "limit=201", "limit=x", "cursor=nonsense", "cursor=WzFd"):
        assert (await desk.http.get(f"{UPLOAD}?{query}")).status_code == 422
