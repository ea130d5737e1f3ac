"""A receiver of every kind, each real, and what each was told in the words that it has for it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from services.alarms.domain.catalogue import SYSLOG_LEVELS
from shared.kit.topology import EXCHANGE
from tests.receivers.certificates import Authority
from tests.receivers.mailbox import Mailbox, mailbox
from tests.receivers.rsyslog import Rsyslog, rsyslog
from tests.receivers.snmptrapd import COMMUNITY, SnmpTrapd, User, snmptrapd
from tests.receivers.web import SECRET, WebReceiver, web_receiver
from tests.system.product import Product

HOST = "localhost"
"""In every certificate."""

MANAGER = User("operations", "80007ed9050102030405060708", "SHA-256", "authentic and long", "private and long")
_LOCAL7 = 23
_WORDS = {number: word for word, number in SYSLOG_LEVELS.items()}
Told = tuple[str, str, str]
"""Name of the alarm, occasion, severity."""


@dataclass
class Everybody:
    """``authority`` vouches for all of them; ``facts``: what came over the broker, once a queue is bound there."""

    authority: Authority
    syslog: Rsyslog
    snmp: SnmpTrapd
    mail: Mailbox
    web: WebReceiver
    facts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, str]:
        """Of the service that tells them. The certificates that it believes are of this test's authority, and no others."""
        return {
            "SSL_CERT_FILE": str(self.authority.file),
            "LICENSING_ALARMS_ALLOW_PRIVATE_TARGETS": "true",
            "LICENSING_SMTP_HOST": HOST,
            "LICENSING_SMTP_PORT": str(self.mail.port),
            "LICENSING_SMTP_SENDER": "alarms@licensing.example",
            "LICENSING_SMTP_CA_FILE": str(self.authority.file),
        }

    @property
    def destinations(self) -> dict[str, dict[str, Any]]:
        """A body for each kind and each way of it."""
        user = {"user": MANAGER.name, "engine_id": MANAGER.engine_id, "auth_protocol": "sha256"}
        secured = {"version": "v3", **user, "auth_key": MANAGER.auth_key, "priv_protocol": "aes128", "priv_key": MANAGER.priv_key}
        return {
            "syslog over udp": {"kind": "syslog", "target": self.syslog.udp},
            "syslog over tcp": {"kind": "syslog", "target": self.syslog.tcp},
            "syslog over tls": {"kind": "syslog", "target": self.syslog.tls, "syslog": {"ca_pem": self.syslog.authority.pem}},
            "snmp v2c": {"kind": "snmp", "target": self.snmp.target, "snmp": {"version": "v2c", "community": COMMUNITY}},
            "snmp v3": {"kind": "snmp", "target": self.snmp.target, "snmp": secured},
            "email": {"kind": "email", "target": "mailto:operator@example.com"},
            "webhook": {"kind": "webhook", "target": f"https://{HOST}:{self.web.port}/alarms", "secret": SECRET},
        }

    def readers(self, log: Path) -> Mapping[str, Callable[[], list[Told]]]:
        """What each was told so far. ``log``: of the process that tells, which is the event log."""
        return {
            "syslog over udp": lambda: self._lines("udp"),
            "syslog over tcp": lambda: self._lines("tcp"),
            "syslog over tls": lambda: self._lines("tls"),
            "snmp v2c": lambda: self._traps("v2c"),
            "snmp v3": lambda: self._traps("v3"),
            "email": self._letters,
            "webhook": self._calls,
            "event log": lambda: _logged(log),
            "rabbitmq": self._events,
        }

    def _lines(self, transport: str) -> list[Told]:
        lines = [line for line in self.syslog.lines() if line["by"] == transport and line["app"] == "licensing-alarms"]
        return [(line["msgid"], _attribute(line["data"], "occasion"), _WORDS[line["pri"] - _LOCAL7 * 8]) for line in lines]

    def _traps(self, version: str) -> list[Told]:
        traps = [trap for trap in self.snmp.traps() if version in trap.security]
        return [(trap.column(4), _occasion(trap.column(5)), _WORDS[int(trap.column(3)) - 1]) for trap in traps]

    def _letters(self) -> list[Told]:
        subjects = [letter["Subject"].split(":")[0].replace("CLEARED ", "") for letter in self.mail.letters if self.mail.secured]
        named = [subject.rstrip(")").split(" (") for subject in subjects]
        return [(name, _occasion(str(told["Subject"])), word) for (name, word), told in zip(named, self.mail.letters, strict=True)]

    def _calls(self) -> list[Told]:
        told = [call.told for call in self.web.received]
        assert all(each["type"] == f"alarm.{each['data']['occasion']}" for each in told)
        return [(each["data"]["name"], each["data"]["occasion"], each["data"]["severity"]) for each in told]

    def _events(self) -> list[Told]:
        kinds = [fact["type"].removeprefix("alarms.alarm-").removesuffix(".v1") for fact in self.facts]
        return [(fact["data"]["name"], kind, fact["data"]["severity"]) for fact, kind in zip(self.facts, kinds, strict=True)]


def _attribute(data: str, name: str) -> str:
    return data.partition(f'{name}="')[2].partition('"')[0]


def _occasion(headline: str) -> str:
    return "cleared" if headline.startswith("CLEARED ") else "raised"


def _logged(log: Path) -> list[Told]:
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines() if line.startswith("{")]
    told = [line for line in lines if line["event"] in {"alarm-raised", "alarm-cleared"}]
    levels = {"critical": "alert"}  # a log knows nothing above critical
    for line in told:
        wanted = line["severity"] if line["event"] == "alarm-raised" else "info"
        assert levels.get(line["level"], line["level"]) == wanted, line
    return [(line["alarm"], line["event"].removeprefix("alarm-"), line["severity"]) for line in told]


@asynccontextmanager
async def everybody(folder: Path) -> AsyncIterator[Everybody]:
    """All receivers running, beside each other on loopback."""
    authority = Authority(folder)
    async with AsyncExitStack() as running:
        yield Everybody(
            authority,
            await running.enter_async_context(rsyslog()),
            await running.enter_async_context(snmptrapd([MANAGER])),
            await running.enter_async_context(mailbox(authority.serving(HOST))),
            await running.enter_async_context(web_receiver(authority.serving(HOST))),
        )


async def create(product: Product, body: dict[str, Any]) -> str:
    """A destination; its id."""
    answer = await product.admin.post("/v1/alarm-destinations", json=body)
    assert answer.status_code == 201, answer.text
    destination_id: str = answer.json()["destination_id"]
    return destination_id


@asynccontextmanager
async def listening(url: str, facts: list[dict[str, Any]]) -> AsyncIterator[None]:
    """A queue of one's own, bound as the published contract says: all facts about alarms."""

    async def take(message: AbstractIncomingMessage) -> None:
        async with message.process():
            assert message.routing_key == json.loads(message.body)["type"]
            facts.append(json.loads(message.body))

    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as channel:
        queue = await channel.declare_queue("", exclusive=True)
        await queue.bind(EXCHANGE, "alarms.#")
        await queue.consume(take)
        yield
        await asyncio.sleep(0)
