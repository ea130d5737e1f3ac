"""Control Center, through the whole product: stopped, refused, alarmed, killed, still stopped, started, cleared."""

import httpx

from tests.system.instance import PATIENCE_SECONDS, Place, started
from tests.system.product import LicenseFile, Product, mac, problem_of, users_of

MANAGER_DOWN = "CiscoLicenseManagerDown"
SERVICES = "/v1/clusters/hq/nodes/hq-cm1/services"


async def test_a_stop_outlives_the_process_and_ends_with_the_start(place: Place) -> None:
    with started(place) as process:
        async with users_of(place) as product:
            await product.make_cluster("hq", mac(0))
            await product.install("hq", await product.file_for(mac(0), 1, 100))
            assert (await product.put_device("hq", "SEP-desk", "cisco-7970")).status_code == 201
            waiting = await product.file_for(mac(0), 1, 10)
            await switch(product, "stop", "Service Successfully Stopped")
            await check_stopped(product, waiting)
            raised = await product.alarm(MANAGER_DOWN, "hq", "active")
            assert raised["reason"].startswith("hq: the license manager was stopped on node hq-cm1 by admin ")
            process.kill()
            process.wait(PATIENCE_SECONDS)
    with started(place):
        async with users_of(place) as product:
            await check_stopped(product, waiting)
            assert [(alarm["state"], alarm["count"]) for alarm in await product.alarms(MANAGER_DOWN, "hq")] == [("active", 1)]
            await switch(product, "start", "Service Started Successfully")
            await product.alarm(MANAGER_DOWN, "hq", "cleared")
            assert (await product.put_device("hq", "SEP-new", "cisco-7970")).status_code == 201
            await product.install("hq", waiting)
            await switch(product, "restart", "Service Successfully Restarted")
            assert (await product.pool("hq"))["used"] == 10
            journal = await product.read("/v1/clusters/hq/journal", limit="200")
            switches = [(entry["reason"], entry["caller"]) for entry in journal["items"] if entry["kind"] == "service"]
            assert switches == [("stopped", "admin"), ("started", "admin"), ("restarted", "admin")]
            assert (await product.read("/v1/clusters/hq/journal/verification"))["intact"] is True
            assert len(await product.alarms(MANAGER_DOWN, "hq")) == 1


async def switch(product: Product, what: str, message: str) -> None:
    answer = await product.admin.post(f"{SERVICES}/license-manager/{what}")
    assert (answer.status_code, answer.json()) == (200, {"message": message})


async def check_stopped(product: Product, file: LicenseFile) -> None:
    (service,) = (await product.read(SERVICES))["items"]
    assert (service["name"], service["group"], service["status"]) == ("Cisco License Manager", "Platform Services", "stopped")
    assert (await product.read("/v1/clusters/hq/unit-report"))["license_manager"]["status"] == "stopped"
    assert_refused(await product.put_device("hq", "SEP-new", "cisco-7970"))
    assert_refused(await product.admin.delete("/v1/clusters/hq/devices/SEP-desk"))
    assert_refused(await product.upload("hq", file))
    assert (await product.put_device("hq", "SEP-desk", "cisco-7970")).status_code == 200
    assert (await product.pool("hq"))["used"] == 5


def assert_refused(answer: httpx.Response) -> None:
    problem = problem_of(answer)
    assert (answer.status_code, problem["type"], problem["stopped_by"]) == (503, "urn:licensing:problem:license-manager-stopped", "admin")
    assert int(answer.headers["retry-after"]) > 0
    assert "Start the service license-manager on node 'hq-cm1'" in problem["detail"]
