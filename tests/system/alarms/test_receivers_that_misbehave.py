"""Receivers that hang, drip, fail, reset, are gone or cannot prove who they are: the others wait for none of them, the row says why,
and nothing that is owed is lost, also when the process is killed in the middle of it all."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.faults.patience import until
from tests.faults.production import Production
from tests.receivers.certificates import Authority
from tests.receivers.web import SECRET
from tests.system.alarms.everybody import HOST, Everybody, create
from tests.system.alarms.fickle import Fickle, misbehaving
from tests.system.alarms.memory import resident_mib
from tests.system.product import LicenseFile, Product, mac

CLUSTERS = [f"bad-{number}" for number in range(12)]
FIRST, THEN = CLUSTERS[:8], CLUSTERS[8:]
PLACES = 4
MOST_MIB = 200
GOOD = ("syslog over tcp", "snmp v2c", "email", "webhook")
STUCK = ("hangs", "drips")
GONE = "is gone"
STRANGE = "shows a stranger's certificate"
WHY = {
    "is out of order": "answered 500 Internal Server Error",
    "resets": "reset",
    GONE: "answered 410 Gone",
    STRANGE: "its certificate is not accepted",
}
"""Known at once; of those that are stuck it is known when their time is up."""


async def test_nobody_waits_for_a_bad_receiver_and_nothing_is_lost_when_the_process_is_killed(
    installation: Production, product: Product, told: Everybody, tmp_path: Path
) -> None:
    async with misbehaving(Authority(tmp_path)) as bad:
        bodies = {way: told.destinations[way] for way in GOOD}
        bodies |= {name: {"kind": "webhook", "target": one.target, "secret": SECRET} for name, one in bad.items()}
        made = {name: await create(product, {**body, "clusters": CLUSTERS}) for name, body in bodies.items()}
        ill = {name: made[name] for name in bad}
        await make_clusters(product)
        try:
            await refuse_files(product, FIRST)
            await check_nobody_waits(product, made, bad)
            await check_reasons(product, ill, WHY)
            assert resident_mib(pid_of(installation), most=True) < MOST_MIB
            begun = {name: set(bad[name].heard) for name in STUCK}
            await refuse_files(product, THEN)
            await kill(installation, {"LICENSING_DELIVERY_SECONDS": "1"})
            await check_begun_again(installation, bad, begun)
            await check_reasons(product, ill, dict.fromkeys(STUCK, "no end within 1 s"))
            await mend(product, told, ill, bad)
            await check_nothing_lost(installation, product, made, bad)
            assert resident_mib(pid_of(installation), most=True) < MOST_MIB
        finally:
            for destination_id in made.values():
                await product.admin.delete(f"/v1/alarm-destinations/{destination_id}")
            await kill(installation, {"LICENSING_DELIVERY_SECONDS": "60"})


async def make_clusters(product: Product) -> None:
    await asyncio.gather(*(product.make_cluster(cluster, mac(100 + n)) for n, cluster in enumerate(CLUSTERS)))


async def refuse_files(product: Product, clusters: Sequence[str]) -> None:
    """One alarm for each cluster."""
    nonsense = LicenseFile("", "nonsense.lic", b"INCREMENT nonsense\n")
    answers = await asyncio.gather(*(product.upload(cluster, nonsense) for cluster in clusters))
    assert {answer.status_code for answer in answers} == {422}


async def rows_of(product: Product, destination_id: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await product.read("/v1/alarm-deliveries", destination_id=destination_id, limit="200"))["items"]
    return rows


async def all_sent(product: Product, destination_id: str, clusters: Sequence[str]) -> list[dict[str, Any]]:
    rows = await rows_of(product, destination_id)
    return rows if {row["cluster"] for row in rows if row["state"] == "sent"} == set(clusters) else []


async def check_nobody_waits(product: Product, made: Mapping[str, str], bad: Mapping[str, Fickle]) -> None:
    """The good ones have everything while those that are stuck hold as much as they can, and have answered nothing."""
    for way in GOOD:
        rows = await until(lambda way=way: all_sent(product, made[way], FIRST), f"{way} has everything")  # type: ignore[misc]
        assert [row["attempts"] for row in rows] == [1] * len(FIRST), way
    for name in STUCK:
        stuck = bad[name]
        await until(lambda stuck=stuck: holds_its_places(stuck), f"what {name} holds its places")  # type: ignore[misc]
        rows = await rows_of(product, made[name])
        assert sorted(row["state"] for row in rows) == ["claimed"] * PLACES + ["waiting"] * (len(FIRST) - PLACES), name
        assert [row["answer"] for row in rows] == [None] * len(FIRST), name


async def holds_its_places(stuck: Fickle) -> bool:
    return stuck.holding == PLACES


async def check_reasons(product: Product, ill: Mapping[str, str], why: Mapping[str, str]) -> None:
    """Each row that was tried says why it was not taken."""
    for name, words in why.items():

        async def said(name: str = name) -> list[str]:
            answers = [row["answer"] for row in await rows_of(product, ill[name]) if row["attempts"] and row["state"] != "claimed"]
            return answers if all(answers) else []

        answers = await until(said, f"the row says why for what {name}")
        assert any(words in answer for answer in answers), (name, answers)
        assert all(words in answer or name == GONE for answer in answers), (name, answers)
    if GONE in why:
        destination = await product.read(f"/v1/alarm-destinations/{ill[GONE]}")
        assert (destination["enabled"], why[GONE] in destination["suspended"]) == (False, True)


def pid_of(installation: Production) -> int:
    process = installation.programs["alarms"].running
    assert process is not None
    return process.pid


async def kill(installation: Production, settings: Mapping[str, str]) -> None:
    """SIGKILL; the supervisor starts it again, with these settings."""
    alarms, restarts = installation.programs["alarms"], installation.restarts
    alarms.environment = {**alarms.environment, **settings}
    alarms.kill()
    await installation.again("alarms", restarts)


async def bring_forward(installation: Production, state: str) -> None:
    """Have the time be over after which a delivery in this state may be tried: nobody waits for minutes here."""
    await installation.ask("UPDATE alarms.delivery SET not_before = now() WHERE state = $1", state)


async def check_begun_again(installation: Production, bad: Mapping[str, Fickle], begun: Mapping[str, set[str]]) -> None:
    """What was under way when the process died comes again, under the same ids."""
    assert {name: len(ids) for name, ids in begun.items()} == dict.fromkeys(STUCK, PLACES)
    await bring_forward(installation, "claimed")
    for name, ids in begun.items():

        async def twice(name: str = name, ids: set[str] = ids) -> bool:
            return all(bad[name].heard.count(each) >= 2 for each in ids)

        await until(twice, f"what {name} is told again what it never answered")


async def mend(product: Product, told: Everybody, ill: Mapping[str, str], bad: Mapping[str, Fickle]) -> None:
    """They are well; the one that nobody believes is left for one that can prove who it is."""
    for one in bad.values():
        one.well = True
    other = {"kind": "webhook", "target": f"https://{HOST}:{told.web.port}/instead", "clusters": CLUSTERS}
    (await product.admin.put(f"/v1/alarm-destinations/{ill[STRANGE]}", json=other)).raise_for_status()


async def check_nothing_lost(installation: Production, product: Product, made: Mapping[str, str], bad: Mapping[str, Fickle]) -> None:
    """Every alarm reached every destination that is not gone, each under one id; what is gone was given up, and says so."""
    for name, destination_id in made.items():
        if name == GONE:
            assert {row["state"] for row in await rows_of(product, destination_id)} == {"given_up"}
            continue

        async def told_all(destination_id: str = destination_id) -> list[dict[str, Any]]:
            await bring_forward(installation, "failed")
            return await all_sent(product, destination_id, CLUSTERS)

        rows = await until(told_all, f"all is sent to {name}")
        assert len(rows) == len(CLUSTERS), name
        if name in bad and name != STRANGE:
            assert set(bad[name].heard) == {row["delivery_id"] for row in rows}, name
