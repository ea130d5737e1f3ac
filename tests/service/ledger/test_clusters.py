"""Clusters: the starter, versions, the reports and what bad input does."""

import asyncio
import csv
import json
from collections.abc import Mapping

from shared.contracts.events.faults import LedgerHeartBeaten
from shared.contracts.events.ledger import ClusterChanged, PoolChanged
from tests.service.ledger.conftest import MAC, LedgerUnderTest


async def test_a_new_cluster_holds_the_starter_of_one_node_and_50_units(ledger: LedgerUnderTest) -> None:
    assert await ledger.pool() == (50, 0, 0, "within")
    assert await ledger.pool("CCM_NODE") == (1, 0, 0, "within")
    body = (await ledger.http.get("/v1/clusters/hq")).json()
    created = body.pop("created_at")
    assert created.endswith(("Z", "+00:00"))
    policy = body.pop("overdraft_policy")
    assert [(step["stage"], step["after_days"]) for step in policy["steps"]] == [("minor", 7), ("major", 30), ("critical", 60)]
    assert {name: value for name, value in policy.items() if value is not None} == {"steps": policy["steps"]}
    assert body == {
        "cluster": "hq",
        "product_version": "5.0",
        "version": 1,
        "starter": True,
        "migrated": False,
        "frozen": False,
        "license_manager": None,
        "license_manager_status": "started",
        "license_manager_stopped_by": None,
        "license_manager_stopped_at": None,
        "nodes": [],
        "license_file_ids": [],
    }
    changed = await ledger.bus.hear(PoolChanged, count=2)
    assert [(c.feature, c.version, c.authorized) for c in changed] == [("CCM_NODE", 1, 1), ("PHONE_UNIT", 1, 50)]


async def test_a_cluster_without_starter_begins_with_nothing(ledger: LedgerUnderTest) -> None:
    await ledger.put_cluster("bare", starter=False)
    assert await ledger.pool(cluster="bare") == (0, 0, 0, "within")
    assert (await ledger.put("a", cluster="bare")).json()["free"] == 0


async def test_the_same_new_cluster_many_times_at_once_is_one(ledger: LedgerUnderTest) -> None:
    answers = await asyncio.gather(*(ledger.put_cluster("branch") for _ in range(6)))
    assert sorted(a.status_code for a in answers) == [200] * 5 + [201]
    assert await ledger.pool(cluster="branch") == (50, 0, 0, "within")


async def test_a_version_may_rise_but_its_major_is_never_lowered(ledger: LedgerUnderTest) -> None:
    await ledger.put_cluster("v", product_version="5.1")
    assert (await ledger.put_cluster("v", product_version="5.0.4")).status_code == 200
    assert (await ledger.put_cluster("v", product_version="6.1")).json()["version"] == 3
    lowered = await ledger.put_cluster("v", product_version="5.9")
    assert (lowered.status_code, lowered.json()["type"]) == (409, "urn:licensing:problem:major-lowered")
    assert (lowered.json()["product_version"], lowered.json()["asked_version"]) == ("6.1", "5.9")
    assert (await ledger.put_cluster("v", product_version="6.1")).json()["version"] == 3
    versions = [c.product_version for c in await ledger.bus.hear(ClusterChanged, count=4) if c.cluster == "v"]
    assert versions == ["5.1", "5.0.4", "6.1"]


async def test_from_6_on_new_devices_need_a_software_license_of_the_major(ledger: LedgerUnderTest) -> None:
    await ledger.put_cluster(product_version="6.0")
    assert (await ledger.put("a", "phone-4")).status_code == 201  # the starter includes it
    await ledger.install(1, ("PHONE_UNIT", 100, 0, 6))  # which replaces the starter
    refused = await ledger.put("b", "phone-1")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:licensing:problem:software-license-missing")
    assert (refused.json()["major"], refused.json()["licensed_major"]) == (6, None)
    assert (await ledger.put("a", "phone-4")).status_code == 200  # nothing changes
    assert (await ledger.put("a", "phone-1")).status_code == 200  # giving back
    await ledger.install(2, ("SW_FEATURE", 1, 0, 5))
    assert (await ledger.put("b", "phone-1")).json()["licensed_major"] == 5
    await ledger.install(3, ("SW_FEATURE", 1, 0, 6))
    assert (await ledger.put("b", "phone-1")).status_code == 201
    await ledger.change_file(3, 2, "expired", granting=False)
    assert (await ledger.put("c", "phone-1")).status_code == 409


async def test_up_to_5_no_software_license_is_needed(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("PHONE_UNIT", 100, 0))
    assert (await ledger.put("a")).status_code == 201


async def test_the_report_shows_features_types_files_and_the_license_manager(ledger: LedgerUnderTest) -> None:
    await ledger.put_node("cm1", MAC)
    await ledger.install(1, ("PHONE_UNIT", 20, 1))
    for n in range(4):
        await ledger.put(f"four{n}", "phone-4")
    await ledger.put("five", "phone-5")
    report = await ledger.report()
    assert report["license_manager"] == {"node": "cm1", "mac": MAC, "status": "started"}
    node = {"feature": "CCM_NODE", "authorized": 1, "overdraft_allowed": 0, "used": 1, "remaining": 0, "overdraft": 0, "status": "within"}
    unit = {"authorized": 20, "overdraft_allowed": 1, "used": 21, "remaining": 0, "overdraft": 1, "status": "exhausted"}
    features = report["features"]
    assert isinstance(features, list)
    assert [{name: feature[name] for name in node} for feature in features] == [node, {"feature": "PHONE_UNIT", **unit}]
    assert report["device_types"] == [
        {"device_type": "phone-4", "devices": 4, "units_each": 4, "units": 16},
        {"device_type": "phone-5", "devices": 1, "units_each": 5, "units": 5},
    ]
    files = report["license_files"]
    assert isinstance(files, list)
    told = [(f["license_file_id"][:9], f["state"], f["granted"], f["nodes"], f["units"], f["overdraft_units"]) for f in files]
    assert told == [("starter", "starter", True, 1, 0, 0), ("202603140", "installed", True, 0, 20, 1)]


async def test_the_report_as_csv_holds_no_formula(ledger: LedgerUnderTest) -> None:
    await ledger.put_cluster("=1+1")
    await ledger.put("a", "phone-4", "=1+1")
    answer = await ledger.http.get("/v1/clusters/=1+1/unit-report", headers={"Accept": "text/csv"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert {row["cluster"] for row in rows} == {"'=1+1"}
    journal = rows.pop()
    assert (journal["kind"], journal["name"][:2]) == ("journal", "5:")
    assert [(row["kind"], row["name"], row["used"], row["units"]) for row in rows] == [
        ("feature", "CCM_NODE", "0", ""),
        ("feature", "PHONE_UNIT", "4", ""),
        ("device_type", "phone-4", "", "4"),
        ("license_file", "starter", "", "50"),
    ]
    liked = await ledger.http.get("/v1/clusters/hq/unit-report", headers={"Accept": "text/csv;q=0.5, application/json"})
    assert liked.headers["content-type"] == "application/json"
    assert [kept.headers["vary"] for kept in (answer, liked)] == ["Accept"] * 2  # or a cache would hand out the wrong form


async def test_the_enterprise_report_sums_clusters_and_offsets_nothing(ledger: LedgerUnderTest) -> None:
    await ledger.put_cluster("branch")
    await ledger.put("a", "phone-5")
    await ledger.install(1, ("PHONE_UNIT", 2, 1))
    report = (await ledger.http.get("/v1/unit-report")).json()
    (units,) = [f for f in report["features"] if f["feature"] == "PHONE_UNIT"]
    assert (units["authorized"], units["used"], units["remaining"], units["overdraft"]) == (52, 5, 50, 3)
    assert units["status"] == "beyond_allowance"
    assert (report["clusters"], report["clusters_by_status"]) == (
        2,
        {"within": 1, "overdraft": 0, "exhausted": 0, "beyond_allowance": 1},
    )


async def test_clusters_and_nodes_are_listed_by_pages(ledger: LedgerUnderTest) -> None:
    for name in ("a", "b", "c"):
        await ledger.put_cluster(name)
    first = (await ledger.http.get("/v1/clusters", params={"limit": 3})).json()
    rest = (await ledger.http.get("/v1/clusters", params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [c["cluster"] for c in (*first["items"], *rest["items"])] == ["a", "b", "c", "hq"]
    assert (await ledger.http.get("/v1/clusters/nowhere/nodes")).status_code == 404


async def test_a_scrape_reads_the_pools(ledger: LedgerUnderTest) -> None:
    await ledger.put("a", "phone-5")
    scraped = (await ledger.http.get("/metrics")).text
    assert 'license_units_authorized{cluster="hq",feature="PHONE_UNIT"} 50.0' in scraped
    assert 'license_units_used{cluster="hq",feature="PHONE_UNIT"} 5.0' in scraped
    assert 'license_units_overdraft_allowed{cluster="hq",feature="CCM_NODE"} 0.0' in scraped


async def test_the_ledger_says_that_it_is_alive(ledger: LedgerUnderTest) -> None:
    (beat,) = await ledger.bus.hear(LedgerHeartBeaten)
    assert (beat.service, beat.interval_seconds) == ("ledger", 5.0)


LONG = "n" * 300
BAD: list[tuple[str, str, Mapping[str, object] | str | list[int]]] = [
    ("PUT", "/v1/clusters/hq", {}),
    ("PUT", "/v1/clusters/hq", {"product_version": "0.5"}),
    ("PUT", "/v1/clusters/hq", {"product_version": 5}),
    ("PUT", "/v1/clusters/hq", {"product_version": "5.0", "starter": "no"}),
    ("PUT", "/v1/clusters/hq", {"product_version": "5.0", "overdraft": 5}),
    ("PUT", f"/v1/clusters/{LONG}", {"product_version": "5.0"}),
    ("PUT", "/v1/clusters/a%00b", {"product_version": "5.0"}),
    ("PUT", "/v1/clusters/%20blank", {"product_version": "5.0"}),
    ("PUT", "/v1/clusters/hq/nodes/cm1", {"mac": 15}),
    ("PUT", "/v1/clusters/hq/nodes/cm1", {"mac": MAC, "first": 1}),
    ("PUT", f"/v1/clusters/hq/nodes/{LONG}", {"mac": MAC}),
    ("PUT", "/v1/clusters/hq/devices/a", {"device_type": "no-such-type"}),
    ("PUT", "/v1/clusters/hq/devices/a", {"device_type": ""}),
    ("PUT", "/v1/clusters/hq/devices/a", {"device_type": "phone-1\n"}),
    ("PUT", "/v1/clusters/hq/devices/a", {"device_type": "\ud800"}),
    ("PUT", "/v1/clusters/hq/devices/a", {"device_type": LONG}),
    ("PUT", "/v1/clusters/hq/devices/a", {"device_type": 7920}),
    ("PUT", "/v1/clusters/hq/devices/a", {"device_type": "phone-1", "adjunct_of": ""}),
    ("PUT", "/v1/clusters/hq/devices/%07", {"device_type": "phone-1"}),
    ("PUT", "/v1/clusters/hq/devices/a", [1]),
    ("PUT", "/v1/clusters/hq/devices/a", "phone-1"),
    ("POST", "/v1/clusters/hq/migration", {"from_version": "4.0", "to_version": "5.0", "nodes": -1, "devices": []}),
    ("POST", "/v1/clusters/hq/migration", {"from_version": "4.0", "to_version": "5.0", "nodes": 10**30, "devices": []}),
    ("POST", "/v1/clusters/hq/migration", {"from_version": "4.0", "to_version": "5.0", "nodes": 10**9, "devices": []}),
    ("POST", "/v1/clusters/hq/migration", {"from_version": "4.0", "to_version": "5.0", "nodes": True, "devices": []}),
    ("POST", "/v1/clusters/hq/migration", {"from_version": "5.0", "to_version": "5.0", "nodes": 1, "devices": []}),
    ("POST", "/v1/clusters/hq/migration", {"from_version": "4.0", "to_version": "4.2", "nodes": 1, "devices": []}),
]
BAD += [
    (
        "POST",
        "/v1/clusters/hq/migration",
        {"from_version": "4.0", "to_version": "5.0", "nodes": 1, "devices": [{"device_type": name, "count": count}]},
    )
    for name, count in (("phone-5", -1), ("phone-5", 10**9), ("phone-5", 1.5), ("no-such-type", 1), ("", 1))
]


async def test_bad_input_is_422_and_stores_nothing(ledger: LedgerUnderTest) -> None:
    everything = """
        SELECT 'cluster' AS what, cluster, product_version, '' FROM cluster UNION ALL SELECT 'node', cluster, node, mac FROM node
        UNION ALL SELECT 'device', cluster, device, device_type FROM device
        UNION ALL SELECT 'migration', cluster, from_version, to_version FROM migration
    """
    before = await ledger.rows(everything)
    for method, path, body in BAD:
        text = json.dumps(body)  # escapes what UTF-8 cannot say
        answer = await ledger.http.request(method, path, content=text, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), (path, text)
        assert len(answer.content) < 5000, (path, text)
        assert await ledger.rows(everything) == before, (path, text)


async def test_an_unknown_cluster_is_404(ledger: LedgerUnderTest) -> None:
    for path in ("", "/nodes", "/devices", "/devices/a", "/unit-report", "/migration"):
        answer = await ledger.http.get(f"/v1/clusters/nowhere{path}")
        assert (answer.status_code, answer.json()["kind"]) == (404, "cluster"), path
    assert (await ledger.put("a", cluster="nowhere")).status_code == 404
    assert (await ledger.put_node("a", MAC, "nowhere")).status_code == 404
    assert (await ledger.delete("a", "nowhere")).status_code == 404
    assert (await ledger.http.delete("/v1/clusters/nowhere/nodes/a")).status_code == 404
