"""Acts 5 to 7: devices, third-party SIP phones, and a branch that runs into its overdraft and out of it."""

import asyncio

from gateway.demo.api import Answer
from gateway.demo.stage import Stage

_AT_ONCE = 16
_LARGE_UNITS = 6  # cisco-telepresence
_BRANCH_UNITS = 5_000
_BRANCH_ALLOWED = 250


async def put(stage: Stage, cluster: str, device: str, device_type: str) -> Answer:
    """Check a device out."""
    return await stage.admin.call("checkOutDevice", {"cluster": cluster, "device": device}, {"device_type": device_type})


async def put_many(stage: Stage, cluster: str, device_type: str, numbers: range) -> None:
    """Check many devices out, some at a time."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> None:
        async with gate:
            stage.accepted(await put(stage, cluster, f"SEP{number:012X}", device_type), 201)

    await asyncio.gather(*(one(number) for number in numbers))


async def used(stage: Stage, cluster: str) -> int:
    """PHONE_UNITs in use."""
    report = stage.accepted(await stage.admin.call("getUnitReport", {"cluster": cluster}), 200)
    return int(next(f["used"] for f in report["features"] if f["feature"] == "PHONE_UNIT"))


async def thirty_six_units(stage: Stage) -> None:
    """Four 7920 and four 7970 are 36 units, by calculator and by ledger."""
    stage.step("Four Cisco 7920 and four Cisco 7970 need 36 units")
    wanted = {"devices": [{"device_type": "cisco-7920", "count": 4}, {"device_type": "cisco-7970", "count": 4}]}
    calculated = stage.accepted(await stage.admin.call("calculateUnitsNeeded", body={**wanted, "cluster": "headquarters"}), 200)
    stage.expect("by the License Unit Calculator", calculated["total_units"], 36)
    await put_many(stage, "headquarters", "cisco-7920", range(4))
    await put_many(stage, "headquarters", "cisco-7970", range(4, 8))
    stage.expect("by the ledger", await used(stage, "headquarters"), 36)


async def third_party_phones(stage: Stage) -> None:
    """Third-party SIP phones count too, and no device counts twice."""
    stage.step("Third-party SIP phones count, and nothing counts twice")
    basic = stage.accepted(await put(stage, "headquarters", "sip-lobby", "third-party-sip-basic"), 201)
    advanced = stage.accepted(await put(stage, "headquarters", "sip-boardroom", "third-party-sip-advanced"), 201)
    stage.expect("units of a Basic and an Advanced one", (basic["units"], advanced["units"]), (3, 6))
    again = stage.accepted(await put(stage, "headquarters", "sip-boardroom", "third-party-sip-advanced"), 200)
    stage.expect("the same device again, units used", again["pool"]["used"], 45)


async def into_overdraft_and_out(stage: Stage) -> None:
    """The branch fills up, goes into overdraft, is refused beyond its allowance, and recovers when devices go."""
    stage.step("The branch fills up to its 5,000 units, then goes into overdraft")
    full = _BRANCH_UNITS // _LARGE_UNITS
    await put_many(stage, "branch", "cisco-telepresence", range(full))
    stage.accepted(await put(stage, "branch", "SEP00000000FFFF", "cisco-7905"), 201)
    stage.expect("units used, all of them", await used(stage, "branch"), _BRANCH_UNITS)
    await stage.alarm("CiscoLicenseApproachingLimit", "branch", "active")
    over = _BRANCH_ALLOWED // _LARGE_UNITS
    await put_many(stage, "branch", "cisco-telepresence", range(full, full + over))
    await stage.alarm("CiscoLicenseOverDraft", "branch", "active")
    answer = await put(stage, "branch", "SEP00000000FFFE", "cisco-telepresence")
    problem = stage.refused("past the allowance", answer, 409, "units-exhausted")
    free = _BRANCH_ALLOWED - over * _LARGE_UNITS
    stage.expect("  asked and free", (problem["asked"], problem["free"]), (_LARGE_UNITS, free))
    for way in problem["ways_out"]:
        stage.say(f"  way out: {way['text']}")
    await stage.alarm("CiscoLicenseRequestFailed", "branch", "active")
    for number in range(full, full + over):
        device = {"cluster": "branch", "device": f"SEP{number:012X}"}
        stage.accepted(await stage.admin.call("checkInDevice", device), 204)
    stage.expect("units used after devices were removed", await used(stage, "branch"), _BRANCH_UNITS)
    await stage.alarm("CiscoLicenseOverDraft", "branch", "cleared")
    await stage.alarm("CiscoLicenseRequestFailed", "branch", "cleared")
