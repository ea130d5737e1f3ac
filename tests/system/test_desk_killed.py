"""The desk's process killed by SIGKILL, again and again, amid registrations, re-hosts and returns of one order: what was acknowledged is
there once, nothing else is, and the files prove offline that the good shares never exceed the order."""

import asyncio
import json
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from shared.kit.identity import IDENTITY_HEADER, IdentityIssuer, new_identity_keys
from shared.license_file.order_tree import OrderProof, prove
from shared.license_file.signature import key_id_of
from shared.license_file.statement import Statement, read_statement
from shared.license_file.trusted_key import key_in
from tests.house import eventually
from tests.system.process import PATIENCE_SECONDS, Program, program

CALLERS = 12
KILLS = 6
EMAIL = "it@example.com"
NODES, UNITS = 40, 4000
UNANSWERED = {httpx.codes.INTERNAL_SERVER_ERROR, httpx.codes.SERVICE_UNAVAILABLE}


@dataclass
class Callers:
    """They ask under an Idempotency-Key until they are answered, whatever dies meanwhile."""

    desk: Program
    issuer: IdentityIssuer
    chance: random.Random = field(default_factory=lambda: random.Random(4711))
    pak: str = ""
    made: set[str] = field(default_factory=set)
    returned: set[str] = field(default_factory=set)
    current: list[str] = field(default_factory=list)
    answers: int = 0
    lost: int = 0

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        async def say_who_asks(request: httpx.Request) -> None:
            request.headers[IDENTITY_HEADER] = self.issuer.token_for("clerk", "vendor")

        hooks = {"request": [say_who_asks]}
        async with httpx.AsyncClient(base_url=self.desk.url, event_hooks=hooks, timeout=PATIENCE_SECONDS, trust_env=False) as client:
            yield client

    async def ask(self, client: httpx.AsyncClient, path: str, body: dict[str, Any], key: str) -> httpx.Response:
        """The answer, after however many deaths."""
        found: list[httpx.Response] = []

        async def look() -> bool:
            try:
                answer = await client.post(path, json=body, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                self.lost += 1
                return False
            found.append(answer)
            return answer.status_code not in UNANSWERED

        await eventually(look, f"{path} is answered")
        self.answers += 1
        return found[-1]

    async def caller(self, number: int, stop: asyncio.Event) -> None:
        async with self.client() as client:
            for turn in range(10_000):
                if stop.is_set():
                    return
                await self.turn(client, f"{number:04X}{turn:04X}")

    async def turn(self, client: httpx.AsyncClient, name: str) -> None:
        mac, where = f"0015{name}", {"email": EMAIL, "reason": "moved"}
        verb = self.chance.choice(["register", "rehost", "return"]) if self.current else "register"
        if verb == "register":
            wanted = {"nodes": self.chance.randint(1, 4), "units": self.chance.randint(1, 400)}
            answer = await self.ask(client, "/v1/registrations", {"pak": self.pak, "mac": mac, "email": EMAIL, **wanted}, name)
        else:
            file = self.chance.choice(self.current)
            if verb == "rehost":
                answer = await self.ask(client, "/v1/rehosts", {"license_file_id": file, "mac": mac, **where}, name)
            else:
                answer = await self.ask(client, f"/v1/registrations/{file}/return", {"reason": "moved"}, name)
        assert answer.status_code in (httpx.codes.CREATED, httpx.codes.CONFLICT), answer.text
        if answer.status_code == httpx.codes.CREATED:
            self.note(verb, answer.json())

    def note(self, verb: str, body: dict[str, Any]) -> None:
        file = body["license_file_id"]
        if verb == "return":
            self.returned.add(file)
        else:
            self.made.add(file)
            self.current.append(file)
        gone = file if verb == "return" else body.get("replaces")
        if gone in self.current:
            self.current.remove(gone)


async def killed_again_and_again(callers: Callers) -> None:
    """Each time after some more answers, with every caller amid a call."""
    stop = asyncio.Event()
    going = [asyncio.create_task(callers.caller(number, stop)) for number in range(CALLERS)]
    try:
        for _ in range(KILLS):
            enough = callers.answers + callers.chance.randint(5, 60)

            async def look(enough: int = enough) -> bool:
                assert not [task for task in going if task.done() and task.exception()], [task.exception() for task in going if task.done()]
                return callers.answers >= enough

            await eventually(look, "some more answers")
            callers.desk.signal(signal.SIGKILL)
            await callers.desk.ended()
            callers.desk.start()
        await callers.desk.ready()
    finally:
        stop.set()
        await asyncio.gather(*going)


async def proven(callers: Callers, client: httpx.AsyncClient, public: bytes) -> tuple[OrderProof, Statement]:
    key = key_in(public)
    keys = {key_id_of(key): key}
    statement = read_statement((await client.get(f"/v1/paks/{callers.pak}/statement")).content, keys)
    paths = [f"/v1/registrations/{one.license_file_id}/license-file" for one in statement.files]
    given = [(path, (await client.get(path)).content) for path in paths]
    proof = prove(given, keys, date(2100, 1, 1), [statement])
    assert proof.proven, proof
    return proof.orders[0], statement


async def test_a_desk_that_is_killed_at_any_point_makes_each_file_once_and_never_exceeds_the_order(
    database_url: str, amqp_url: str, tmp_path: Path
) -> None:
    private, public_keys = new_identity_keys()
    (tmp_path / "public.jwks").write_text(json.dumps(public_keys))
    settings = {
        "LICENSING_DATABASE_URL": database_url,
        "LICENSING_AMQP_URL": amqp_url,
        "LICENSING_IDENTITY_KEYS_FILE": str(tmp_path / "public.jwks"),
        "LICENSING_SIGNING_KEY_FILE": str(tmp_path / "vendor.pem"),
        "LICENSING_SIGNING_KEY_PASSPHRASE": "a passphrase of the vendor",
        "LICENSING_PUBLIC_KEY_FILE": str(tmp_path / "vendor.pub"),
        "LICENSING_MAKE_SIGNING_KEY": "true",
    }
    with program("services.registration", settings) as desk:
        desk.start()
        await desk.ready()
        callers = Callers(desk, IdentityIssuer(private))
        async with callers.client() as client:
            order = {
                "customer": "Example Ltd",
                "email": EMAIL,
                "product_version": "5.0",
                "nodes": NODES,
                "units": UNITS,
                "split": "allowed",
            }
            placed = (await client.post("/v1/orders", json=order)).json()["order_id"]
            callers.pak = (await client.post(f"/v1/orders/{placed}/approval")).json()["pak"]
        await killed_again_and_again(callers)
        async with callers.client() as client:
            tree, statement = await proven(callers, client, (tmp_path / "vendor.pub").read_bytes())
            kept = (await client.get(f"/v1/paks/{callers.pak}")).json()
        assert await desk.stop() == 0
    assert callers.lost > 0, "no call was cut off: nothing was tried"
    assert {one.license_file_id for one in statement.files} == callers.made
    assert {one.license_file_id for one in statement.files if one.returned_at} == callers.returned
    assert {one.file.license_file_id for one in tree.files if one.valid} == {*callers.current}
    totals = {total.feature: total.good for total in tree.totals}
    assert totals == {"CCM_NODE": NODES - kept["remaining_nodes"], "PHONE_UNIT": UNITS - kept["remaining_units"]}
