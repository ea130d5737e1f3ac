"""The order as a tree, and the vendor's signed statement of it: what the desk shows is what anybody proves from the files alone."""

import asyncio
import random
from datetime import date
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.license_file.order_tree import Proof, prove
from shared.license_file.signature import key_id_of
from shared.license_file.statement import Statement, read_statement
from shared.license_file.trusted_key import key_in
from tests.house import eventually
from tests.service.registration.desk import EMAIL, MAC, OTHER_MAC, THIRD_MAC, Desk, problem_of

DAY = date(2100, 1, 1)


def keys_of(desk: Desk) -> dict[str, Ed25519PublicKey]:
    key = key_in(Path(desk.keys / "public.pem").read_bytes())
    return {key_id_of(key): key}


async def statement_of(desk: Desk, pak: str) -> Statement:
    answer = await desk.http.get(f"/v1/paks/{pak}/statement")
    assert answer.status_code == 200, answer.text
    return read_statement(answer.content, keys_of(desk))


async def proof_of(desk: Desk, pak: str) -> Proof:
    """What all files of a PAK and its statement prove."""
    statement = await statement_of(desk, pak)
    given = [(one.license_file_id, await desk.file(one.license_file_id)) for one in statement.files]
    return prove(given, keys_of(desk), DAY, [statement])


async def tree_of(desk: Desk, pak: str, **page: str | int) -> httpx.Response:
    order_id = (await desk.http.get(f"/v1/paks/{pak}")).json()["order_id"]
    return await desk.http.get(f"/v1/orders/{order_id}/tree", params=page)


async def test_the_tree_shows_shares_their_rehosts_and_what_was_returned(desk: Desk) -> None:
    pak = await desk.pak()
    first = (await desk.register(pak, nodes=15, units=15000)).json()["license_file_id"]
    other = (await desk.register(pak, OTHER_MAC)).json()["license_file_id"]
    second = (await desk.rehost(first, OTHER_MAC)).json()["license_file_id"]
    third = (await desk.rehost(second, THIRD_MAC)).json()["license_file_id"]
    await desk.give_back(other)
    part = (await desk.register(pak, OTHER_MAC, nodes=2, units=2000)).json()["license_file_id"]
    tree = (await tree_of(desk, pak)).json()
    assert (tree["pak"], tree["nodes"], tree["units"], tree["remaining_nodes"], tree["remaining_units"]) == (pak, 20, 20000, 3, 3000)
    shown = [
        (one["share"], one["units"], [(file["license_file_id"], file["state"]) for file in one["license_files"]]) for one in tree["shares"]
    ]
    assert shown == [
        (1, 15000, [(first, "replaced"), (second, "replaced"), (third, "current")]),
        (2, 5000, [(other, "returned")]),
        (3, 2000, [(part, "current")]),
    ]
    returned = [one["returned"] for one in tree["shares"]]
    assert returned[0] is returned[2] is None
    assert {"license_file_id": other, "reason": "the branch is closed", "returned_by": "clerk"}.items() <= returned[1].items()
    assert tree["shares"][2]["license_files"][0]["voids"] == [other]


async def test_a_tree_is_shown_in_pages_of_shares(desk: Desk) -> None:
    pak = await desk.pak()
    made = [(await desk.register(pak, nodes=1, units=10)).json()["license_file_id"] for _ in range(5)]
    seen: list[str] = []
    page: dict[str, str | int] = {"limit": 2}
    while True:
        tree = (await tree_of(desk, pak, **page)).json()
        assert (tree["shares_total"], len(tree["shares"])) == (5, min(2, 5 - len(seen)))
        seen += [file["license_file_id"] for share in tree["shares"] for file in share["license_files"]]
        if tree["next_cursor"] is None:
            break
        page["cursor"] = tree["next_cursor"]
    assert seen == made
    empty = (await tree_of(desk, await desk.pak())).json()
    assert (empty["shares"], empty["next_cursor"]) == ([], None)
    assert problem_of(await desk.http.get("/v1/orders/999/tree")) == (404, "not-found")


async def test_a_statement_and_all_files_prove_the_order_offline(desk: Desk) -> None:
    pak = await desk.pak()
    first = (await desk.register(pak, nodes=15, units=15000)).json()["license_file_id"]
    other = (await desk.register(pak, OTHER_MAC)).json()["license_file_id"]
    moved = (await desk.rehost(first, THIRD_MAC)).json()["license_file_id"]
    await desk.give_back(other)
    proof = await proof_of(desk, pak)
    assert proof.proven, proof
    (order,) = proof.orders
    assert [one.file.license_file_id for one in order.files if one.valid] == [moved]
    assert {total.feature: (total.valid, total.ordered) for total in order.totals} == {"CCM_NODE": (15, 20), "PHONE_UNIT": (15000, 20000)}
    stated = {one.license_file_id: one for one in (await statement_of(desk, pak.lower())).files}
    assert (stated[moved].replaces, stated[moved].voids, stated[moved].returned_at) == (first, (first,), None)
    assert stated[other].returned_at is not None


async def test_a_statement_is_a_text_to_keep_and_there_is_one_for_every_pak(desk: Desk) -> None:
    pak = await desk.pak()
    answer = await desk.http.get(f"/v1/paks/{pak}/statement")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{pak}-statement.txt"'
    assert (await statement_of(desk, pak)).files == ()
    assert problem_of(await desk.http.get("/v1/paks/NONE/statement")) == (404, "not-found")


async def settled(desk: Desk, path: str, body: dict[str, Any], key: str) -> httpx.Response:
    """The answer of a desk that may be too busy at first: asked again under the same key."""

    async def look() -> httpx.Response | None:
        answer = await desk.http.post(path, json=body, headers={"Idempotency-Key": key})
        return None if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else answer

    answer = await eventually(look, f"{path} is answered")
    assert answer is not None
    return answer


async def test_under_fifty_callers_at_once_the_good_shares_never_exceed_the_order(desk: Desk) -> None:
    """Registrations, re-hosts and returns of one order, each by whatever was current when its caller looked; refusals are part of it."""
    pak = await desk.pak(nodes=20, units=2000)
    chance = random.Random(4711)
    statuses: list[int] = []
    current: set[str] = set()

    async def caller(number: int) -> None:
        for turn in range(3):
            name, verb = f"{number:04X}{turn:04X}", chance.choice(["register", "rehost", "return"])
            file = chance.choice(sorted(current)) if current else ""
            if verb == "register" or not file:
                body: dict[str, Any] = {"pak": pak, "mac": f"0015{name}", "email": EMAIL, "nodes": chance.randint(0, 4), "units": 100}
                answer = await settled(desk, "/v1/registrations", body, name)
            elif verb == "rehost":
                body = {"license_file_id": file, "mac": f"0016{name}", "email": EMAIL, "reason": "moved"}
                answer = await settled(desk, "/v1/rehosts", body, name)
            else:
                answer = await settled(desk, f"/v1/registrations/{file}/return", {"reason": "moved"}, name)
            statuses.append(answer.status_code)
            if answer.status_code == httpx.codes.CREATED:
                made = answer.json()
                current.discard(made.get("replaces") or made["license_file_id"])
                current.update({made["license_file_id"]} - {*made.get("voided", ())})

    await asyncio.gather(*map(caller, range(50)))
    assert set(statuses) == {201, 409}
    assert statuses.count(201) > 20
    proof = await proof_of(desk, pak)
    assert proof.proven, proof
    (order,) = proof.orders
    kept = (await desk.http.get(f"/v1/paks/{pak}")).json()
    totals = {total.feature: total for total in order.totals}
    for feature, member in (("CCM_NODE", "nodes"), ("PHONE_UNIT", "units")):
        assert totals[feature].good == totals[feature].valid == kept[member] - kept[f"remaining_{member}"]
        assert totals[feature].good <= totals[feature].ordered == kept[member]
    assert {one.file.license_file_id for one in order.files if one.valid} == current


async def test_a_first_node_fails_before_its_file_was_uploaded_and_after_each_is_one_call(desk: Desk) -> None:
    """The desk needs not know which of the two happened: the old MAC, the new one and the reason are enough, and so again later."""
    pak = await desk.pak()
    not_uploaded = (await desk.register(pak, MAC, nodes=15, units=15000)).json()["license_file_id"]
    uploaded = (await desk.register(pak, MAC)).json()["license_file_id"]
    for old in (not_uploaded, uploaded):
        moved = await desk.rehost(old, OTHER_MAC)
        assert moved.status_code == 201
        again = await desk.rehost(moved.json()["license_file_id"], THIRD_MAC)
        assert {line.replaces for line in await desk.lines(again.json()["license_file_id"])} == {(moved.json()["license_file_id"], old)}
        shown = (await desk.http.get(f"/v1/registrations/{old}")).json()
        assert (shown["state"], shown["replaced_by"]) == ("replaced", moved.json()["license_file_id"])
    assert (await proof_of(desk, pak)).proven
