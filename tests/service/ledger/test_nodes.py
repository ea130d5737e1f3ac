"""Nodes: the first node, node licenses, addresses, and who holds the role of license manager."""

import asyncio

from shared.contracts.events.ledger import ClusterChanged, ClusterNode, RequestRefused
from tests.service.ledger.conftest import MAC, LedgerUnderTest

A, B, C = "001500000001", "001500000002", "001500000003"


async def test_the_first_node_is_always_admitted_even_beyond_the_allowance(ledger: LedgerUnderTest) -> None:
    await ledger.put_cluster("bare", starter=False)
    first = await ledger.put_node("cm1", A, "bare")
    assert (first.status_code, first.json()) == (201, {"node": "cm1", "mac": A, "first": True, "license_manager": True})
    assert await ledger.pool("CCM_NODE", "bare") == (0, 0, 1, "beyond_allowance")
    second = await ledger.put_node("cm2", B, "bare")
    assert (second.status_code, second.json()["type"], second.json()["free"]) == (409, "urn:licensing:problem:units-exhausted", 0)


async def test_naming_ever_new_first_nodes_mints_no_nodes(ledger: LedgerUnderTest) -> None:
    assert (await ledger.put_node("cm1", A)).status_code == 201
    refused = await ledger.put_node("cm2", B, first=True)
    assert (refused.status_code, refused.json()["asked"], refused.json()["feature"]) == (409, 1, "CCM_NODE")
    (told,) = await ledger.bus.hear(RequestRefused)
    assert (told.feature, told.name, told.rule) == ("CCM_NODE", "cm2", "units-exhausted")
    assert await ledger.pool("CCM_NODE") == (1, 0, 1, "within")


async def test_nodes_have_no_overdraft_unless_a_file_says_so(ledger: LedgerUnderTest) -> None:
    await ledger.put_node("cm1", A)
    await ledger.install(1, ("CCM_NODE", 1, 1))
    assert (await ledger.put_node("cm2", B)).status_code == 201
    assert await ledger.pool("CCM_NODE") == (1, 1, 2, "exhausted")
    assert (await ledger.put_node("cm3", C)).status_code == 409


async def test_a_node_is_changed_removed_and_the_cluster_tells_it(ledger: LedgerUnderTest) -> None:
    await ledger.put_node("cm1", "00:15:00:00:00:01")
    assert (await ledger.put_node("cm1", A)).status_code == 200  # the same address in another spelling
    assert (await ledger.put_node("cm1", B)).json()["mac"] == B
    gone = [await ledger.http.delete("/v1/clusters/hq/nodes/cm1") for _ in range(2)]
    assert [g.status_code for g in gone] == [204, 204]
    assert await ledger.pool("CCM_NODE") == (1, 0, 0, "within")
    changes = await ledger.bus.hear(ClusterChanged, count=4)
    assert [c.version for c in changes] == [1, 2, 3, 4]
    assert [c.nodes for c in changes[1:]] == [
        [ClusterNode(node="cm1", mac=A, first=True)],
        [ClusterNode(node="cm1", mac=B, first=True)],
        [],
    ]
    assert (changes[1].license_manager, changes[3].license_manager) == ("cm1", None)


async def test_the_first_flag_moves_and_is_not_simply_taken_away(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("CCM_NODE", 3, 0))
    await ledger.put_node("cm1", A)
    await ledger.put_node("cm2", B)
    refused = await ledger.put_node("cm1", A, first=False)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:licensing:problem:first-node-required")
    assert (await ledger.put_node("cm2", B, first=True)).json()["first"] is True
    nodes = (await ledger.http.get("/v1/clusters/hq/nodes")).json()["items"]
    assert [(n["node"], n["first"], n["license_manager"]) for n in nodes] == [("cm1", False, False), ("cm2", True, True)]


async def test_an_address_belongs_to_one_node(ledger: LedgerUnderTest) -> None:
    await ledger.put_cluster("branch")
    await ledger.put_node("cm1", A)
    used = await ledger.put_node("cm9", "0015.0000.0001", "branch")
    assert (used.status_code, used.json()["type"]) == (409, "urn:licensing:problem:mac-in-use")
    assert (used.json()["used_by_cluster"], used.json()["used_by_node"]) == ("hq", "cm1")
    await ledger.http.delete("/v1/clusters/hq/nodes/cm1")
    assert (await ledger.put_node("cm9", A, "branch")).status_code == 201


async def test_the_same_address_twice_at_once_is_one_node(ledger: LedgerUnderTest) -> None:
    for n in range(6):
        await ledger.put_cluster(f"c{n}")
    answers = await asyncio.gather(*(ledger.put_node("cm1", A, f"c{n}") for n in range(6)))
    assert sorted(a.status_code for a in answers) == [201] + [409] * 5
    assert {a.json().get("type") for a in answers if a.status_code == 409} == {"urn:licensing:problem:mac-in-use"}


async def test_two_clusters_that_exchange_addresses_at_once_both_get_an_answer(ledger: LedgerUnderTest) -> None:
    await ledger.put_cluster("c1")
    await ledger.put_cluster("c2")
    await ledger.put_node("cm1", A, "c1")
    await ledger.put_node("cm1", B, "c2")
    answers = await asyncio.gather(ledger.put_node("cm1", B, "c1"), ledger.put_node("cm1", A, "c2"))
    assert {a.status_code for a in answers} <= {200, 409}


async def test_an_address_that_no_card_has_is_invalid(ledger: LedgerUnderTest) -> None:
    for mac in ("nonsense", "FF:FF:FF:FF:FF:FF", "000000000000", "01:00:5e:00:00:01", "0015C5F3A1B", "\x00"):
        answer = await ledger.put_node("cm1", mac)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:licensing:problem:invalid-mac"), mac
    for mac in ("", "0" * 65):
        assert (await ledger.put_node("cm1", mac)).status_code == 422, mac
    assert await ledger.rows("SELECT * FROM node") == []


async def test_the_starter_is_given_once_for_each_first_nodes_address(ledger: LedgerUnderTest) -> None:
    await ledger.put_node("cm1", A)
    await ledger.http.delete("/v1/clusters/hq/nodes/cm1")
    await ledger.put_cluster("second")
    assert await ledger.pool(cluster="second") == (50, 0, 0, "within")
    assert (await ledger.put_node("cm1", A, "second")).status_code == 201
    assert await ledger.pool(cluster="second") == (0, 0, 0, "within")
    assert await ledger.pool("CCM_NODE", "second") == (0, 0, 1, "beyond_allowance")
    assert (await ledger.http.get("/v1/clusters/second")).json()["starter"] is False
    assert (await ledger.http.get("/v1/clusters/hq")).json()["starter"] is True
    await ledger.put_node("cm1", A.replace("15", "16"), "hq")  # the cluster that had it keeps it with other servers
    assert await ledger.pool() == (50, 0, 0, "within")
    await ledger.assert_sums()


async def test_the_license_manager_is_the_first_node_then_the_bearer_of_the_oldest_granting_file(ledger: LedgerUnderTest) -> None:
    await ledger.install(1, ("CCM_NODE", 3, 0), mac=C)
    await ledger.put_node("cm1", A)
    assert (await ledger.http.get("/v1/clusters/hq")).json()["license_manager"] == "cm1"  # no node bears the file's address yet
    assert (await ledger.put_node("cm3", C)).json()["license_manager"] is True
    manager = (await ledger.report())["license_manager"]
    assert manager == {"node": "cm3", "mac": C, "status": "started"}
    await ledger.install(2, ("PHONE_UNIT", 3, 0), mac=A)  # younger, but the first node's own
    assert (await ledger.http.get("/v1/clusters/hq")).json()["license_manager"] == "cm1"
    await ledger.change_file(2, 2, "retired", granting=False)
    changes = [c.license_manager for c in await ledger.bus.hear(ClusterChanged, count=5)]
    assert changes == [None, "cm1", "cm3", "cm1", "cm3"]


async def test_a_first_node_that_fails_can_be_replaced_and_the_grants_stay(ledger: LedgerUnderTest) -> None:
    await ledger.put_node("cm1", MAC)
    await ledger.install(1, ("CCM_NODE", 1, 0), ("PHONE_UNIT", 10, 5))
    await ledger.http.delete("/v1/clusters/hq/nodes/cm1")
    assert (await ledger.put_node("new", A)).json() == {"node": "new", "mac": A, "first": True, "license_manager": True}
    assert await ledger.pool() == (10, 5, 0, "within")
