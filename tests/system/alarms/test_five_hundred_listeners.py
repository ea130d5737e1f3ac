"""The live stream with five hundred listeners: each hears each change, they cost little, and who comes back goes on where it stopped."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from shared.kit.identity import IDENTITY_HEADER, SERVICE_HEADER, IdentityIssuer
from tests.faults.production import Production
from tests.system.alarms.ears import Said, ears
from tests.system.alarms.memory import resident_mib
from tests.system.instance import Place, started
from tests.system.product import LicenseFile, Product, mac, users_of

LISTENERS = 500
MOST_MIB = 100
NAME = "CiscoLicenseFileError"


async def raise_alarm(product: Product, cluster: str) -> None:
    """One about a cluster of its own."""
    refused = await product.upload(cluster, LicenseFile("", "nonsense.lic", b"INCREMENT nonsense\n"))
    assert refused.status_code == 422
    await product.alarm(NAME, cluster, "active")


async def all_hear(url: str, headers: Mapping[str, str], pid: int, cause: Callable[[], Awaitable[None]]) -> Said:
    """Each listener hears it, and all together cost less than they may; what they heard last."""
    async with ears(url, headers, 1) as first:
        del first  # what one needs is not counted for all
    before = resident_mib(pid)
    async with ears(url, headers, LISTENERS) as made:
        await cause()
        heard = await asyncio.gather(*(ear.next() for ear in made))
        grown = resident_mib(pid) - before
    assert len({said.position for said in heard}) == 1
    assert {(said.what, said.alarm["name"]) for said in heard} == {("raised", NAME)}
    assert grown < MOST_MIB
    return heard[0]


async def test_through_the_gateway_and_again_after_the_process_was_restarted(place: Place) -> None:
    clusters = ["first", "second", "third"]
    with started(place) as process:
        async with users_of(place) as product:
            for number, cluster in enumerate(clusters):
                await product.make_cluster(cluster, mac(number))
            last = await all_hear(place.url, place.key("admin.key"), process.pid, lambda: raise_alarm(product, "first"))
            assert last.alarm["cluster"] == "first"
            await raise_alarm(product, "second")
    with started(place):
        async with users_of(place) as product, ears(place.url, place.key("admin.key"), 1, last.position) as (ear,):
            await raise_alarm(product, "third")
            heard = [await ear.next(), await ear.next()]
    assert [(said.what, said.alarm["cluster"]) for said in heard] == [("raised", "second"), ("raised", "third")]


async def test_directly(installation: Production, product: Product) -> None:
    issuer = IdentityIssuer.from_file(installation.folder / "secrets" / "identity_key")
    known = {IDENTITY_HEADER: issuer.token_for("a test", "viewer"), SERVICE_HEADER: "alarms"}
    alarms = installation.programs["alarms"]
    assert alarms.running is not None
    await product.make_cluster("heard", mac(200))
    last = await all_hear(alarms.url, known, alarms.running.pid, lambda: raise_alarm(product, "heard"))
    assert last.alarm["cluster"] == "heard"
