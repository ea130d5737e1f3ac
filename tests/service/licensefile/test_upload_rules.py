"""What may come in as an upload: how much, under which name, how often; and that it goes out again as it came."""

import asyncio
import base64
import hashlib
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.types import Message, Scope

from services.licensefile.app import create_app
from services.licensefile.routes.upload import LARGEST_BODY_BYTES
from services.licensefile.settings import LicenseFileSettings
from shared.contracts.events.licensefile import LicenseFileInstalled
from shared.kit.clock import TestClock
from shared.kit.metrics import Metrics
from tests.house import RememberingBus, running
from tests.service.licensefile.conftest import Desk, StubLedger, codes
from tests.unit.licensefile.made import FILE_ID, OTHER_ID, made_file

GOOD, OTHER = made_file(), made_file(license_file_id=OTHER_ID)
UPLOAD, VERIFY = "/v1/clusters/headquarters/license-files", "/v1/license-file-verifications?cluster=headquarters"
MULTIPART = {"content-type": "multipart/form-data; boundary=x"}


def part(disposition: bytes, content: bytes = GOOD, more: bytes = b"") -> bytes:
    return b"--x\r\nContent-Disposition: form-data; " + disposition + b"\r\n" + more + b"\r\n" + content + b"\r\n"


async def raw(desk: Desk, *parts: bytes) -> httpx.Response:
    return await desk.http.post(UPLOAD, content=b"".join(parts) + b"--x--\r\n", headers=MULTIPART)


@pytest.mark.parametrize("url", [UPLOAD, VERIFY])
async def test_a_body_of_unknown_length_is_cut_off_at_the_limit(desk: Desk, url: str) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.lic"\r\n\r\n'
        while True:
            taken += 65_536
            yield b"#" * 65_536

    answer = await desk.http.post(url, content=endless(), headers=MULTIPART)
    problem = answer.json()
    assert (answer.status_code, problem["type"], problem["limit_bytes"]) == (
        413,
        "urn:licensing:problem:content-too-large",
        LARGEST_BODY_BYTES,
    )
    assert "rest of this one was not read" in problem["detail"]
    assert taken <= LARGEST_BODY_BYTES + 2 * 65_536
    assert await desk.listed() == []


@pytest.mark.parametrize(
    "name", ["a.lic", "A.LIC", "a.Lic", "headquarters 2026 (2).lic", "Zürich–1.lic", "a..b.lic", "日本.lic", "a" * 124 + ".lic"]
)
async def test_a_name_that_is_one_is_kept_as_it_is(desk: Desk, name: str) -> None:
    assert (await desk.upload(GOOD, name=name)).json()["file_name"] == name
    (shown,) = await desk.listed()
    assert shown["file_name"] == name


WRONG_NAMES: dict[str, tuple[bytes, set[str]]] = {
    "nothing": (b"", {"invalid_file_name", "invalid_extension"}),
    "too_long": (b"a" * 125 + b".lic", {"invalid_file_name"}),
    "other_extension": (b"a.txt", {"invalid_extension"}),
    "two_extensions": (b"a.lic.exe", {"invalid_extension"}),
    "trailing_dot": (b"a.lic.", {"invalid_extension"}),
    "trailing_blank": (b"a.lic ", {"invalid_extension", "invalid_file_name"}),
    "leading_blank": (b" a.lic", {"invalid_file_name"}),
    "no_extension": (b"lic", {"invalid_extension"}),
    "path": (b"/etc/a.lic", {"invalid_file_name"}),
    "parent": (b"../a.lic", {"invalid_file_name"}),
    "backslash": (b"..\\a.lic", {"invalid_file_name"}),
    "drive": (b"C:\\keys\\a.lic", {"invalid_file_name"}),
    "share": (b"\\\\server\\a.lic", {"invalid_file_name"}),
    "tabulator": (b"a\tb.lic", {"invalid_file_name"}),
    "delete": (b"a\x7f.lic", {"invalid_file_name"}),
    "other_control": ("a\x85.lic".encode(), {"invalid_file_name"}),
    "zero_width": ("a\u200b.lic".encode(), {"invalid_file_name"}),
}


@pytest.mark.parametrize(("name", "wanted"), WRONG_NAMES.values(), ids=WRONG_NAMES.keys())
async def test_a_name_that_is_none_is_told_by_its_code(desk: Desk, name: bytes, wanted: set[str]) -> None:
    answer = await raw(desk, part(b'name="file"; filename="' + name + b'"'))
    assert codes(answer) == wanted
    assert await desk.listed() == []


TRAPS: dict[str, list[bytes]] = {
    "two_files": [part(b'name="file"; filename="a.lic"'), part(b'name="file"; filename="b.lic"', OTHER)],
    "a_second_file_under_another_name": [part(b'name="file"; filename="a.lic"'), part(b'name="other"; filename="b.lic"')],
    "a_field_of_the_same_name": [part(b'name="file"; filename="a.lic"'), part(b'name="file"', b"x")],
    "only_the_extended_name": [part(b"name=\"file\"; filename*=UTF-8''a.lic")],
    "no_file_name": [part(b'name="file"')],
    "a_thousand_fields": [part(b'name="x"', b"")] * 1_001 + [part(b'name="file"; filename="a.lic"')],
    "a_huge_header": [part(b'name="file"; filename="a.lic"', more=b"X-Long: " + b"x" * 100_000 + b"\r\n")],
    "many_headers": [part(b'name="file"; filename="a.lic"', more=b"X-Many: x\r\n" * 2_000)],
}  # fmt: skip


@pytest.mark.parametrize("parts", TRAPS.values(), ids=TRAPS.keys())
async def test_an_upload_that_may_be_read_in_two_ways_is_read_in_none(desk: Desk, bus: RememberingBus, parts: list[bytes]) -> None:
    answer = await raw(desk, *parts)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    assert re.search("file|multipart|fields", answer.json()["detail"])
    assert await desk.listed() == []
    assert bus.envelopes == []


async def test_a_plain_name_goes_before_an_extended_one_and_is_the_one_that_is_judged(desk: Desk) -> None:
    sent = part(b'name="file"; filename="a.lic"; filename*=UTF-8\'\'..%2Fb.lic')
    assert (await raw(desk, sent)).json()["file_name"] == "a.lic"


CONTENTS: dict[str, bytes] = {
    "byte_order_mark": b"\xef\xbb\xbf" + GOOD,
    "crlf": GOOD.replace(b"\n", b"\r\n"),
    "mixed_line_ends": GOOD + b"# a\r# b\r\n# c\n",
    "latin_1": GOOD + b"# M\xfcnchen \xa9\n",
    "utf_8": GOOD + "# München ☎\n".encode(),
    "no_line_end": GOOD.rstrip(b"\n"),
    "looks_like_a_boundary": GOOD + b"# --x\r\n# --x--\r\n",
    "blanks_at_the_end": GOOD + b"\n \t\r\n\n",
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS.keys())
async def test_what_goes_out_is_what_came_in_byte_for_byte(desk: Desk, content: bytes) -> None:
    made = (await desk.upload(content, name="Zürich 1.lic")).json()
    digest = hashlib.sha256(content)
    (listed,) = await desk.listed()
    for shown in (made, listed, await desk.file(FILE_ID)):
        assert (shown["sha256"], shown["size_bytes"]) == (digest.hexdigest(), len(content))
    viewed = await desk.http.get(f"{UPLOAD}/{FILE_ID}/content")
    assert viewed.content == content
    assert viewed.headers["content-disposition"] == "inline; filename*=UTF-8''Z%C3%BCrich%201.lic"
    assert viewed.headers["etag"] == f'"{digest.hexdigest()}"'
    assert viewed.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    assert viewed.headers["x-content-type-options"] == "nosniff"


async def test_the_same_file_again_is_already_installed_under_whatever_name(desk: Desk) -> None:
    assert (await desk.upload(GOOD)).status_code == 201
    for content, name in ((GOOD, "a.lic"), (GOOD, "b.lic"), (GOOD.replace(b"\n", b"\r\n"), "a.lic"), (GOOD + b"# more\n", "a.lic")):
        assert codes(await desk.upload(content, name=name)) == {"already_installed"}
    assert [file["file_name"] for file in await desk.listed()] == ["a.lic"]


@pytest.fixture
async def both(
    desk: Desk, database_url: str, bus: RememberingBus, clock: TestClock, ledger: StubLedger, keys: Path
) -> AsyncIterator[list[Desk]]:
    """Two replicas of the service on one database."""
    settings = LicenseFileSettings(database_url=database_url, ledger_url="http://ledger", trusted_keys_dir=keys, review_seconds=3600)
    app = create_app(settings, bus, clock, Metrics(), ledger=httpx.MockTransport(ledger))
    async with running(app) as client:
        yield [desk, Desk(client, app)]


async def test_of_twenty_uploads_at_once_one_wins_and_the_others_are_told(desk: Desk, bus: RememberingBus) -> None:
    answers = await asyncio.gather(*(desk.upload(GOOD, name=f"{n}.lic") for n in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 422: 19}
    assert {code for answer in answers if answer.status_code == 422 for code in codes(answer)} == {"already_installed"}
    (won,) = [answer.json() for answer in answers if answer.status_code == 201]
    (listed,) = await desk.listed()
    assert listed["file_name"] == won["file_name"]
    assert len(await bus.hear(LicenseFileInstalled)) == 1


async def test_two_replicas_that_are_sent_the_same_file_at_once_install_it_once(both: list[Desk], bus: RememberingBus) -> None:
    answers = await asyncio.gather(*(both[n % 2].upload(GOOD, name=f"{n % 3}.lic") for n in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 422: 19}
    assert {code for answer in answers if answer.status_code == 422 for code in codes(answer)} == {"already_installed"}
    assert len(await both[1].listed()) == 1
    assert len(await bus.hear(LicenseFileInstalled)) == 1


async def test_of_two_contents_under_one_id_at_once_one_wins_and_the_other_is_tampered(both: list[Desk]) -> None:
    contents = [GOOD, made_file(units=900)]
    answers = await asyncio.gather(*(both[n % 2].upload(contents[n // 2 % 2]) for n in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 422: 19}
    told = Counter(code for answer in answers if answer.status_code == 422 for code in codes(answer))
    assert told == {"already_installed": 9, "tampered": 10}
    (kept,) = await both[0].listed()
    viewed = await both[1].http.get(f"{UPLOAD}/{FILE_ID}/content")
    assert (hashlib.sha256(viewed.content).hexdigest(), viewed.content in contents) == (kept["sha256"], True)


@pytest.mark.parametrize("end", [b"", b"\r\n--", b"\r\n--x", b"\r\n--y--\r\n"])
async def test_an_upload_without_its_end_is_cut_off_and_not_read(desk: Desk, bus: RememberingBus, end: bytes) -> None:
    body = part(b'name="file"; filename="a.lic"').removesuffix(b"\r\n") + end
    answer = await desk.http.post(UPLOAD, content=body, headers=MULTIPART)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:licensing:problem:upload-cut-off")
    assert "Send the whole of it again" in answer.json()["detail"]
    assert await desk.listed() == []
    assert bus.envelopes == []


async def test_a_client_that_breaks_off_leaves_nothing_and_is_no_fault_of_ours(desk: Desk, bus: RememberingBus) -> None:
    messages: list[Message] = [
        {"type": "http.request", "body": part(b'name="file"; filename="a.lic"'), "more_body": True},
        {"type": "http.disconnect"},
    ]
    said: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        said.append(message)

    headers = [(name.encode(), value.encode()) for name, value in MULTIPART.items()]
    scope: Scope = {"type": "http", "method": "POST", "path": UPLOAD, "raw_path": UPLOAD.encode(), "query_string": b"", "headers": headers}
    await desk.app({**scope, "http_version": "1.1", "scheme": "http", "server": ("test", 80), "client": ("test", 1)}, receive, send)
    assert said[0]["status"] < 500
    assert await desk.listed() == []
    assert bus.envelopes == []
    assert (await desk.upload(GOOD)).status_code == 201
