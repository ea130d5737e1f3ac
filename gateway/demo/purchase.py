"""Acts 1 to 4: the order, its split, the clusters, and the license files."""

from dataclasses import dataclass

from gateway.demo.stage import Stage, StoryBroken

EMAIL = "licenses@customer.example"
HEADQUARTERS_MAC = "0015C5F3A1B2"
BRANCH_MAC = "0015C5F3A1C7"


@dataclass(frozen=True, slots=True)
class LicenseFile:
    """A license file as it came from the vendor's desk."""

    license_file_id: str
    file_name: str
    content: bytes


async def order(stage: Stage, nodes: int, units: int) -> str:
    """Order, have it approved; the PAK."""
    wanted = {"customer": "Example Corp", "email": EMAIL, "product_version": "5.0", "nodes": nodes, "units": units}
    placed = stage.accepted(await stage.vendor.call("placeOrder", body=wanted), 201)
    approved = stage.accepted(await stage.vendor.call("approveOrder", {"order_id": placed["order_id"]}), 200)
    stage.say(f"order {placed['order_id']}: {nodes} nodes, {units:,} units → approved, PAK {approved['pak']}")
    return str(approved["pak"])


async def download(stage: Stage, license_file_id: str, file_name: str) -> LicenseFile:
    """Fetch the made file, byte for byte."""
    answer = await stage.vendor.call("downloadRegisteredLicenseFile", {"license_file_id": license_file_id})
    stage.accepted(answer, 200)
    return LicenseFile(license_file_id, file_name, answer.content)


async def register(stage: Stage, pak: str, mac: str, nodes: int, units: int) -> LicenseFile:
    """Register a share of an order to a MAC."""
    wanted = {"pak": pak, "mac": mac, "email": EMAIL, "nodes": nodes, "units": units}
    made = stage.accepted(await stage.vendor.call("registerLicense", body=wanted), 201)
    stage.say(
        f"registered {made['nodes']} nodes, {made['units']:,} units (+{made['overdraft_units']} overdraft) to {mac}: {made['file_name']}"
    )
    return await download(stage, made["license_file_id"], made["file_name"])


async def split_an_order(stage: Stage) -> tuple[LicenseFile, LicenseFile]:
    """20 nodes and 20 000 units become 15/15 000 and 5/5 000; there is no third share."""
    stage.step("An order of 20 nodes and 20,000 units is approved and split across two clusters")
    pak = await order(stage, 20, 20_000)
    headquarters = await register(stage, pak, HEADQUARTERS_MAC, 15, 15_000)
    branch = await register(stage, pak, BRANCH_MAC, 5, 5_000)
    third = {"pak": pak, "mac": "0015C5F3A1D9", "email": EMAIL, "nodes": 1, "units": 1}
    stage.refused("a third share", await stage.vendor.call("registerLicense", body=third), 409, "order-exhausted")
    stage.say("The first file, as the field writes it:")
    stage.quote("\n".join(headquarters.content.decode("latin-1").splitlines()[:8]))
    return headquarters, branch


async def make_clusters(stage: Stage) -> None:
    """Two clusters under the starter license, each with its first node."""
    stage.step("Two clusters, their first nodes carry the two MAC addresses")
    for cluster, mac in (("headquarters", HEADQUARTERS_MAC), ("branch", BRANCH_MAC)):
        stage.accepted(await stage.admin.call("putCluster", {"cluster": cluster}, {"product_version": "5.0"}), 201)
        node = {"mac": mac, "first": True}
        stage.accepted(await stage.admin.call("putNode", {"cluster": cluster, "node": f"{cluster}-cm1"}, node), 201)
        report = stage.accepted(await stage.admin.call("getUnitReport", {"cluster": cluster}), 200)
        units = next(f for f in report["features"] if f["feature"] == "PHONE_UNIT")
        stage.expect(f"{cluster} begins with the starter license, units", units["authorized"], 50)


async def upload(stage: Stage, cluster: str, file: LicenseFile) -> None:
    """Install a file and wait until its grants are in the pool."""
    answer = await stage.admin.call("uploadLicenseFile", {"cluster": cluster}, file=(file.file_name, file.content))
    installed = stage.accepted(answer, 201)
    grants = ", ".join(f"{g['feature']} {g['units']:,}+{g['overdraft_units']}" for g in installed["grants"])
    stage.say(f"{file.file_name} accepted by {cluster}: {grants}")

    async def look() -> bool:
        where = {"cluster": cluster, "license_file_id": file.license_file_id}
        return bool(stage.accepted(await stage.admin.call("getLicenseFile", where), 200)["granted"])

    await stage.until(f"{file.license_file_id} is granted", look)


async def reasons(stage: Stage, what: str, cluster: str, file_name: str, content: bytes, code: str) -> None:
    """Upload what must be refused, and check the reason."""
    answer = await stage.admin.call("uploadLicenseFile", {"cluster": cluster}, file=(file_name, content))
    problem = stage.refused(what, answer, 422, "license-file-refused")
    codes = {reason["code"] for reason in problem["reasons"]}
    stage.expect("  reason", code if code in codes else codes, code)


def with_one_digit_changed(content: bytes) -> bytes:
    """The file with one unit count raised from 15000 to 95000: what a forger would try."""
    forged = content.replace(b"<Count>15000</Count>", b"<Count>95000</Count>", 1)
    if forged == content:
        raise StoryBroken("the license file does not carry <Count>15000</Count>")
    return forged


async def install_files(stage: Stage, headquarters: LicenseFile, branch: LicenseFile) -> None:
    """Each file fits its own cluster only; a forged one is refused and raises an alarm."""
    stage.step("Each license file fits its own cluster only, and a forged digit is seen")
    await reasons(stage, "branch's file on headquarters", "headquarters", branch.file_name, branch.content, "not_this_host")
    await reasons(stage, "headquarters' file on branch", "branch", headquarters.file_name, headquarters.content, "not_this_host")
    forged = with_one_digit_changed(headquarters.content)
    await reasons(stage, "one changed digit", "headquarters", headquarters.file_name, forged, "signature_invalid")
    await stage.alarm("CiscoLicenseFileError", "headquarters", "active")
    await upload(stage, "headquarters", headquarters)
    await upload(stage, "branch", branch)
    await stage.alarm("CiscoLicenseFileError", "headquarters", "cleared")
