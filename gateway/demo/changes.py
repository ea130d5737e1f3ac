"""Acts 9 to 11: a migration from 4.2, a first node that dies, and the reports at the end."""

from gateway.demo.purchase import EMAIL, HEADQUARTERS_MAC, LicenseFile, download, order, reasons, register, upload
from gateway.demo.stage import Stage, unit_report_table
from gateway.demo.usage import put, used

WAREHOUSE_MAC = "0015C5F3A1E4"
NEW_HEADQUARTERS_MAC = "0015C5F3B2A1"


async def migrate(stage: Stage) -> None:
    """A 4.2 cluster comes along: covered as it is, frozen until its real file, which is free of charge, is installed."""
    stage.step("A 4.2 cluster is migrated: its phones are covered, new ones wait for the real license file")
    inventory = [{"device_type": "cisco-7960", "count": 10}, {"device_type": "cisco-7936", "count": 2}]
    wanted = {"from_version": "4.2", "to_version": "5.0", "nodes": 1, "devices": inventory}
    stage.accepted(await stage.admin.call("putCluster", {"cluster": "warehouse"}, {"product_version": "5.0"}), 201)
    migration = stage.accepted(await stage.admin.call("startMigration", {"cluster": "warehouse"}, wanted), 201)
    stage.expect("units that the existing phones need", migration["total_units"], 46)
    node = {"cluster": "warehouse", "node": "warehouse-cm1"}
    stage.accepted(await stage.admin.call("putNode", node, {"mac": WAREHOUSE_MAC, "first": True}), 201)
    for number in range(2):
        stage.accepted(await put(stage, "warehouse", f"SEP-conference-{number}", "cisco-7936"), 201)
    answer = await put(stage, "warehouse", "SEP-conference-2", "cisco-7936")
    stage.refused("a third conference phone, where two were migrated", answer, 409, "provisioning-frozen")
    viewed = await stage.admin.call("getMigrationFile", {"cluster": "warehouse"})
    stage.accepted(viewed, 200)
    stage.say("View File shows the intermediate file; it is pasted into License Registration:")
    stage.quote("\n".join(viewed.content.decode().splitlines()[:6]))
    pasted = {"migration_file": viewed.content.decode(), "mac": WAREHOUSE_MAC, "email": EMAIL}
    made = stage.accepted(await stage.vendor.call("registerLicense", body=pasted), 201)
    stage.expect("the free file holds nodes and units", (made["nodes"], made["units"]), (1, 46))
    again = await stage.vendor.call("registerLicense", body=pasted)
    stage.refused("the same file pasted again", again, 409, "migration-already-registered")
    await upload(stage, "warehouse", await download(stage, made["license_file_id"], made["file_name"]))
    stage.accepted(await put(stage, "warehouse", "SEP-conference-2", "cisco-7936"), 201)
    stage.expect("now the new phone is admitted, units used", await used(stage, "warehouse"), 9)


async def rehost(stage: Stage, old: LicenseFile, reason: str) -> LicenseFile:
    """A new file with the same content for the new MAC."""
    wanted = {"license_file_id": old.license_file_id, "mac": NEW_HEADQUARTERS_MAC, "email": EMAIL, "reason": reason}
    made = stage.accepted(await stage.vendor.call("rehostLicenseFile", body=wanted), 201)
    stage.expect(f"{made['license_file_id']} replaces", made["replaces"], old.license_file_id)
    return await download(stage, made["license_file_id"], made["file_name"])


async def ask_beforehand(stage: Stage, installed: LicenseFile) -> None:
    """The pre-flight says what another MAC would break, and what to request; nothing is changed by it."""
    change = {"first_node_mac": NEW_HEADQUARTERS_MAC}
    told = stage.accepted(await stage.admin.call("runPreFlight", {"cluster": "headquarters"}, change), 200)
    stage.say(f"The pre-flight says: “{told['summary']}”")
    stage.expect(
        "files that another MAC would break",
        [f["license_file_id"] for f in told["license_files"] if f["breaks"]],
        [installed.license_file_id],
    )
    (request,) = told["requests"]
    wanted = ("rehost", installed.license_file_id, NEW_HEADQUARTERS_MAC)
    stage.expect("what to request", (request["kind"], request["license_file_id"], request["call"]["body"]["mac"]), wanted)


async def replace_the_first_node(stage: Stage, installed: LicenseFile) -> None:
    """The first node of headquarters dies. Scenario 1: a file not yet uploaded. Scenario 2: the installed one."""
    stage.step("Headquarters' first node dies: license files are transferred to the new MAC")
    pak = await order(stage, 1, 500)
    waiting = await register(stage, pak, HEADQUARTERS_MAC, 1, 500)
    await ask_beforehand(stage, installed)
    stage.accepted(await stage.admin.call("removeNode", {"cluster": "headquarters", "node": "headquarters-cm1"}), 204)
    node = {"cluster": "headquarters", "node": "headquarters-cm2"}
    stage.accepted(await stage.admin.call("putNode", node, {"mac": NEW_HEADQUARTERS_MAC, "first": True}), 201)

    async def mismatch() -> bool:
        where = {"cluster": "headquarters", "license_file_id": installed.license_file_id}
        seen = stage.accepted(await stage.admin.call("getLicenseFile", where), 200)
        return bool(seen["state"] == "host_mismatch" and seen["granted"])

    await stage.until("the installed file is in host_mismatch, its units stay for the grace", mismatch)
    first = await rehost(stage, waiting, "first node failed before the file was uploaded")
    second = await rehost(stage, installed, "first node failed")
    await upload(stage, "headquarters", first)
    await upload(stage, "headquarters", second)
    report = stage.accepted(await stage.admin.call("getUnitReport", {"cluster": "headquarters"}), 200)
    units = next(f for f in report["features"] if f["feature"] == "PHONE_UNIT")
    stage.expect("units: unchanged plus 500", (units["authorized"], units["used"]), (15_500, 45))
    granting = {file["license_file_id"] for file in report["license_files"] if file["granted"]}
    stage.expect("only the two new files grant", granting, {first.license_file_id, second.license_file_id})
    for old in (waiting, installed):
        await reasons(stage, f"the old file {old.license_file_id}", "headquarters", old.file_name, old.content, "superseded")


async def show_reports(stage: Stage) -> None:
    """The License Unit Report of every cluster."""
    stage.step("The unit reports")
    for cluster in ("headquarters", "branch", "warehouse"):
        stage.show(unit_report_table(stage.accepted(await stage.admin.call("getUnitReport", {"cluster": cluster}), 200)))
    everything = stage.accepted(await stage.admin.call("getEnterpriseUnitReport"), 200)
    stage.expect("clusters in the enterprise report", everything["clusters"], 3)
