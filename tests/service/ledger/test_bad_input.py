"""Whatever comes through the door that cannot be meant: a clear problem, nothing stored, nothing that breaks."""

import itertools

from tests.service.ledger.conftest import LedgerUnderTest

JSON, CSV = {"Content-Type": "application/json"}, {"Content-Type": "text/csv"}
MIGRATION = "/v1/clusters/hq/migration"
PUTS = ("/v1/clusters/hq", "/v1/clusters/hq/nodes/n", "/v1/clusters/hq/devices/d")
BODIES = (
    b"",
    b"null",
    b"true",
    b"7",
    b"[]",
    b'"phone-1"',
    b"{",
    b"{}",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"device_type":' + b"9" * 5000 + b"}",
    b'{"device_type":NaN}',
    b'{"device_type":1e999}',
    b'{"device_type":null}',
    b'{"device_type":["phone-1"]}',
    b'{"device_type":"phone-1\\u0000"}',
    b'{"device_type":"phone-1","adjunct_of":"\\ud800"}',
    b'{"device_type":"phone-1","\\ud800":1}',
    b'{"device_type":"phone-1","lease":1}',
    b'{"product_version":"5.0","starter":null}',
    b'{"product_version":"\\u0665.0"}',
    b'{"mac":["0015C5F3A1B2"]}',
)
TYPES = ("text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=x", "")
NAMES = ("%00", "%0A", "%7F", "%20", "a%20", "%C2%A0", "%E2%80%8B", "%E2%80%AE", "%2e", "%2e%2e", "n" * 129, "a%2Fb", "a/b")
QUERIES = ("limit=0", "limit=201", "limit=x", "limit=" + "9" * 5000, "cursor=%00", "cursor=%FF", "cursor=WzFd", "cursor=" + "a" * 1001)


async def everything(ledger: LedgerUnderTest) -> list[tuple[object, ...]]:
    return await ledger.rows(
        """SELECT 'cluster', cluster, product_version, version FROM cluster UNION ALL SELECT 'node', cluster, mac, 0 FROM node
           UNION ALL SELECT 'device', cluster, device, units FROM device UNION ALL SELECT 'migration', cluster, '', 0 FROM migration
           UNION ALL SELECT 'pool', cluster, feature, version FROM pool
           ORDER BY 1, 2, 3, 4"""
    )


async def test_what_cannot_be_meant_is_a_problem_and_stores_nothing(ledger: LedgerUnderTest) -> None:
    device = b'{"device_type":"phone-1"}'
    asked: list[tuple[str, str, bytes, dict[str, str]]] = [("PUT", path, body, JSON) for path, body in itertools.product(PUTS, BODIES)]
    asked += [("POST", MIGRATION, body, headers) for body, headers in itertools.product(BODIES, (JSON, CSV))]
    asked += [("PUT", path, device, {"Content-Type": kind}) for path, kind in itertools.product(PUTS, TYPES)]
    asked += [("POST", MIGRATION, device, {"Content-Type": kind}) for kind in TYPES]
    asked += [("PUT", f"/v1/clusters/hq/devices/{name}", device, JSON) for name in NAMES]
    asked += [("PUT", f"/v1/clusters/{name}", b'{"product_version":"5.0"}', JSON) for name in NAMES]
    asked += [("DELETE", f"/v1/clusters/hq/devices/{name}", b"", {}) for name in NAMES]
    asked += [
        ("GET", f"{path}?{query}", b"", {}) for path in ("/v1/clusters", PUTS[0] + "/nodes", PUTS[0] + "/devices") for query in QUERIES
    ]
    before = await everything(ledger)
    for method, path, body, headers in asked:
        answer = await ledger.http.request(method, path, content=body, headers=headers)
        case = (method, path[:80], body[:80], headers)
        assert 400 <= answer.status_code < 500, case
        assert answer.headers["content-type"] == "application/problem+json", case
        assert answer.json()["detail"], case
        assert len(answer.content) < 5000, case
    assert await everything(ledger) == before
