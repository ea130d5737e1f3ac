"""Each of the seven alarms raised and cleared by what really happens, in the shape of production."""

import signal

import httpx

from tests.faults.production import Production
from tests.system.alarms.conftest import LEDGERS_STORE
from tests.system.product import LicenseFile, Product, mac
from tests.unit.licensefile.made import made_file, made_line

POOL = "hq/PHONE_UNIT"
UNITS = 100
SEVERITIES = {
    "CiscoLicenseApproachingLimit": "alert",
    "CiscoLicenseOverDraft": "alert",
    "CiscoLicenseRequestFailed": "error",
    "CiscoLicenseFileError": "error",
    "CiscoLicenseInternalError": "error",
    "CiscoLicenseManagerDown": "error",
    "CiscoLicenseDataStoreError": "error",
}


def license_file(number: int, address: str) -> LicenseFile:
    """A file of the vendor's that is good; its key is trusted here."""
    name = str(20_260_314_092_653_000 + number)
    lines = [
        made_line(line, feature=feature, units=units, overdraft_units=extra, mac=address, license_file_id=name)
        for line, (feature, units, extra) in enumerate((("PHONE_UNIT", UNITS, 5), ("CCM_NODE", 1, 0)), 1)
    ]
    return LicenseFile(name, f"{name}.lic", made_file(*lines))


async def raise_and_clear(made: Production, product: Product) -> None:
    """All seven, each raised and cleared at least once; four of them stand while the others come and go."""
    better = await raise_by_callers(product)
    await fail_within(made, product)
    await lose_the_store(made, product)
    await silence(made, product)
    await clear_by_callers(product, better)


async def raise_by_callers(product: Product) -> LicenseFile:
    """ApproachingLimit, OverDraft, RequestFailed and FileError; the file that ends the last."""
    await product.make_cluster("hq", mac(0), starter=False)
    await product.install("hq", license_file(1, mac(0)))
    devices = [{"device": f"SEP{n}", "device_type": "cisco-7920"} for n in range(UNITS // 4)]
    (await product.admin.post("/v1/clusters/hq/check-outs", json={"devices": devices})).raise_for_status()
    await product.alarm("CiscoLicenseApproachingLimit", POOL, "active")
    assert (await product.put_device("hq", "SEP-lobby", "cisco-7902")).status_code == httpx.codes.CREATED
    await product.alarm("CiscoLicenseOverDraft", POOL, "active")
    assert (await product.put_device("hq", "SEP-too-many", "cisco-7970")).status_code == httpx.codes.CONFLICT
    await product.alarm("CiscoLicenseRequestFailed", POOL, "active")
    better = license_file(2, mac(0))
    forged = LicenseFile(better.license_file_id, better.name, better.content.replace(b"<Count>100<", b"<Count>900<"))
    assert (await product.upload("hq", forged)).status_code == httpx.codes.UNPROCESSABLE_ENTITY
    await product.alarm("CiscoLicenseFileError", "hq", "active")
    return better


async def fail_within(made: Production, product: Product) -> None:
    """InternalError: the ledger meets what nobody foresaw. It ends by having been quiet for long enough."""
    await made.ask("ALTER TABLE ledger.node RENAME TO mislaid")
    assert (await product.admin.get("/v1/clusters/hq/nodes")).status_code == httpx.codes.INTERNAL_SERVER_ERROR
    await made.ask("ALTER TABLE ledger.mislaid RENAME TO node")
    await product.alarm("CiscoLicenseInternalError", "ledger", "active")
    await product.alarm("CiscoLicenseInternalError", "ledger", "cleared")


async def lose_the_store(made: Production, product: Product) -> None:
    """DataStoreError: the ledger's way to its database is cut, and comes back."""
    made.lines[LEDGERS_STORE].refuse()
    await product.alarm("CiscoLicenseDataStoreError", "ledger", "active")
    made.lines[LEDGERS_STORE].resume()
    await product.alarm("CiscoLicenseDataStoreError", "ledger", "cleared")
    await made.ready()


async def silence(made: Production, product: Product) -> None:
    """ManagerDown: the ledger stands still, and goes on."""
    made.signal(["ledger"], signal.SIGSTOP)
    try:
        await product.alarm("CiscoLicenseManagerDown", "ledger", "active")
    finally:
        made.signal(["ledger"], signal.SIGCONT)
    await product.alarm("CiscoLicenseManagerDown", "ledger", "cleared")
    await made.ready()


async def clear_by_callers(product: Product, better: LicenseFile) -> None:
    """The four of the callers."""
    await product.remove_device("hq", "SEP-lobby")
    await product.alarm("CiscoLicenseOverDraft", POOL, "cleared")
    await product.alarm("CiscoLicenseRequestFailed", POOL, "cleared")
    for n in range(3):
        await product.remove_device("hq", f"SEP{n}")
    await product.alarm("CiscoLicenseApproachingLimit", POOL, "cleared")
    await product.install("hq", better)
    await product.alarm("CiscoLicenseFileError", "hq", "cleared")
