"""Two acts around the overdraft: somebody asks to be told of alarms by webhook, and is."""

from dataclasses import dataclass, field
from typing import Any

from gateway.demo.stage import Stage

OVERDRAFT = "CiscoLicenseOverDraft"


@dataclass
class Told:
    """A receiver: ``target`` and, once the product has made one, ``secret``; ``heard``: what it was told with a good signature."""

    target: str = ""
    secret: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)

    def of(self, kind: str, name: str) -> dict[str, Any]:
        """The data of the newest message of a kind about an alarm; empty where there is none."""
        found = [message["data"] for message in self.heard if message["type"] == kind and message["data"]["name"] == name]
        return found[-1] if found else {}


async def ask_to_be_told(stage: Stage, told: Told) -> None:
    """A destination is made and tried."""
    stage.step("The network operations want to know of alarms by webhook, and try it")
    wanted = {"kind": "webhook", "target": told.target, "minimum_severity": "error", "clusters": ["branch"]}
    made = stage.accepted(await stage.admin.call("createAlarmDestination", body=wanted), 201)
    told.secret = made["secret"]
    stage.say(f"{made['target']} is told from now on; its secret is shown this once")
    tried = stage.accepted(await stage.admin.call("testAlarmDestination", {"destination_id": made["destination_id"]}), 200)
    stage.expect("a marked test", (tried["state"], tried["answer"]), ("sent", "200 OK thank you"))
    stage.expect("  and the receiver found its signature good", bool(told.of("alarm.test", OVERDRAFT)), True)


async def was_told(stage: Stage, told: Told) -> None:
    """The overdraft and its end, each signed."""
    stage.step("The network operations were told of branch's overdraft and of its end")
    for word in ("raised", "cleared"):

        async def heard(word: str = word) -> dict[str, Any]:
            return told.of(f"alarm.{word}", OVERDRAFT)

        seen: dict[str, Any] = await stage.until(f"{OVERDRAFT} {word}, with a good signature", heard)
        stage.say(f"  {seen['headline']}")

    async def both_sent() -> bool:
        """Written down after the answer, so a little later than the receiver knows."""
        rows = stage.accepted(await stage.admin.call("listAlarmDeliveries", {"name": OVERDRAFT, "cluster": "branch"}), 200)["items"]
        return {(row["occasion"], row["state"]) for row in rows} == {("raised", "sent"), ("cleared", "sent")}

    await stage.until("the delivery ledger says that both were sent", both_sent)
