"""Whatever is sent, the answer says what is wrong, and nothing is stored."""

import json
from typing import Any

import pytest

from tests.service.registration.desk import EMAIL, MAC, Desk, problem_of

ORDER = {"customer": "Example Ltd", "email": EMAIL, "product_version": "5.0", "nodes": 20, "units": 20000}
LONG = "x" * 300
HUGE = 10**30


@pytest.mark.parametrize(
    "change",
    [
        {"customer": ""}, {"customer": LONG}, {"customer": "a\x00b"}, {"customer": "a\nb"}, {"customer": "a/b"}, {"customer": 7},
        {"customer": "\ud800"}, {"customer": None}, {"email": "nobody"}, {"email": f"{LONG}@example.com"}, {"email": "a b@example.com"},
        {"product_version": "5"}, {"product_version": "x"}, {"product_version": "5.0\n"}, {"product_version": "4.2"},
        {"product_version": "9999.0"}, {"nodes": -1}, {"units": -1}, {"units": HUGE}, {"units": 1_000_000_000}, {"units": "20000"},
        {"units": True}, {"units": 1.5}, {"units": None}, {"nodes": 0, "units": 0}, {"split": "maybe"}, {"expires": "yesterday"},
        {"expires": "2020-01-01"}, {"expires": "0000-00-00"}, {"surprise": 1},
    ],
)  # fmt: skip
async def test_a_bad_order_is_refused_and_nothing_is_stored(desk: Desk, change: dict[str, Any]) -> None:
    answer = await desk.http.post("/v1/orders", content=json.dumps({**ORDER, **change}), headers={"content-type": "application/json"})
    status, slug = problem_of(answer)
    assert status == 422, answer.text
    assert slug in {"invalid-request", "empty-order", "unsupported-version", "expiry-passed"}
    assert (await desk.http.get("/v1/orders")).json()["items"] == []


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"mac": "nonsense"}, "invalid-mac"), ({"mac": "00:00:00:00:00:00"}, "invalid-mac"), ({"mac": "01:00:5e:00:00:01"}, "invalid-mac"),
        ({"mac": "0015C5F3A1B"}, "invalid-mac"), ({"mac": "\x00" * 12}, "invalid-mac"), ({"mac": ""}, "invalid-request"),
        ({"mac": LONG}, "invalid-request"), ({"mac": 15}, "invalid-request"), ({"nodes": 0, "units": 0}, "empty-share"),
        ({"nodes": -1}, "invalid-request"), ({"units": HUGE}, "invalid-request"), ({"units": "1"}, "invalid-request"),
        ({"email": "nobody"}, "invalid-request"), ({"pak": None}, "invalid-request"), ({"pak": "\x00"}, "invalid-request"),
        ({"pak": LONG}, "invalid-request"), ({"migration_file": "<x/>"}, "invalid-request"),
        ({"pak": None, "migration_file": "<x/>", "nodes": 1}, "invalid-request"), ({"surprise": 1}, "invalid-request"),
    ],
)  # fmt: skip
async def test_a_bad_registration_is_refused_and_takes_nothing(desk: Desk, change: dict[str, Any], slug: str) -> None:
    pak = await desk.pak()
    answer = await desk.http.post("/v1/registrations", json={"pak": pak, "mac": MAC, "email": EMAIL, **change})
    assert problem_of(answer) == (422, slug)
    seen = (await desk.http.get(f"/v1/paks/{pak}")).json()
    assert (seen["remaining_nodes"], seen["remaining_units"], seen["license_files_total"]) == (20, 20000, 0)


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"mac": "nonsense"}, "invalid-mac"), ({"license_file_id": "123"}, "invalid-request"), ({"license_file_id": 1}, "invalid-request"),
        ({"license_file_id": "２" * 17}, "invalid-request"), ({"reason": ""}, "invalid-request"), ({"reason": "  "}, "invalid-request"),
        ({"reason": "a\x00b"}, "invalid-request"), ({"reason": "x" * 501}, "invalid-request"), ({"email": "nobody"}, "invalid-request"),
    ],
)  # fmt: skip
async def test_a_bad_rehost_is_refused_and_replaces_nothing(desk: Desk, change: dict[str, Any], slug: str) -> None:
    made = (await desk.register(await desk.pak())).json()["license_file_id"]
    answer = await desk.rehost(**{"license_file_id": made, **change})
    assert problem_of(answer) == (422, slug)
    assert (await desk.http.get(f"/v1/registrations/{made}")).json()["replaced_by"] is None


@pytest.mark.parametrize(
    "path",
    [
        "/v1/orders/0", "/v1/orders/x", f"/v1/orders/{HUGE}", "/v1/orders/%00", "/v1/paks/%00", f"/v1/paks/{LONG}", "/v1/paks/a-b",
        "/v1/registrations/1", "/v1/registrations/%00/license-file", "/v1/registrations?pak=%00", "/v1/orders?cursor=x",
        "/v1/orders?cursor=WyJhIl0", "/v1/registrations?cursor=WzFd", "/v1/orders?limit=201",
    ],
)  # fmt: skip
async def test_a_bad_path_or_query_is_refused(desk: Desk, path: str) -> None:
    assert (await desk.http.get(path)).status_code == 422
