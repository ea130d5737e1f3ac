"""Control Center - Network Services: the license manager of headquarters is stopped, and started again."""

from typing import Any

from gateway.demo.stage import Stage
from gateway.demo.usage import put, used

_NODE = {"cluster": "headquarters", "node": "headquarters-cm1"}


async def stop_and_start(stage: Stage) -> None:
    """Stopped, nothing new is admitted and who holds units keeps them; an alarm says who did it, and the start ends it."""
    stage.step("Control Center: headquarters' Cisco License Manager is stopped, and started again")
    before = await used(stage, "headquarters")
    await _shown(stage, "started")
    stopped = stage.accepted(await stage.admin.call("stopLicenseManager", _NODE), 200)
    stage.expect("Stop says", stopped["message"], "Service Successfully Stopped")
    await _shown(stage, "stopped")
    answer = await put(stage, "headquarters", "sip-late", "third-party-sip-basic")
    problem = stage.refused("a new phone meanwhile", answer, 503, "license-manager-stopped")
    stage.expect("  where it can be started", problem["license_manager"], _NODE["node"])
    same = stage.accepted(await put(stage, "headquarters", "sip-boardroom", "third-party-sip-advanced"), 200)
    stage.expect("a phone that is there goes on, units used", same["pool"]["used"], before)
    await stage.alarm("CiscoLicenseManagerDown", "headquarters", "active")
    started = stage.accepted(await stage.admin.call("startLicenseManager", _NODE), 200)
    stage.expect("Start says", started["message"], "Service Started Successfully")
    await stage.alarm("CiscoLicenseManagerDown", "headquarters", "cleared")
    stage.accepted(await put(stage, "headquarters", "sip-late", "third-party-sip-basic"), 201)
    stage.accepted(await stage.admin.call("checkInDevice", {"cluster": "headquarters", "device": "sip-late"}), 204)
    restarted = stage.accepted(await stage.admin.call("restartLicenseManager", _NODE), 200)
    stage.expect("Restart says", restarted["message"], "Service Successfully Restarted")
    stage.expect("units used, as before", await used(stage, "headquarters"), before)


async def _shown(stage: Stage, status: str) -> None:
    services: list[dict[str, Any]] = stage.accepted(await stage.admin.call("listNetworkServices", _NODE), 200)["items"]
    stage.expect(
        f"{services[0]['group']} of {_NODE['node']}", (services[0]["name"], services[0]["status"]), ("Cisco License Manager", status)
    )
