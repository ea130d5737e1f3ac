"""Everything in one process, as a user starts it: keys, durability, one process a folder, and an end that loses nothing."""

import re
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx

from shared.kit.postgres.postmaster import running_postmaster
from tests.house import ROOT
from tests.system.instance import PATIENCE_SECONDS, DrainingPlace, Place, output_of, started

MOST_RESIDENT_BYTES = 250 * 1024 * 1024


def put_cluster(place: Place) -> int:
    body = {"product_version": "5.0"}
    return httpx.put(f"{place.url}/v1/clusters/hq", json=body, headers=place.key("admin.key"), timeout=30).status_code


def clusters(place: Place) -> list[str]:
    listed = httpx.get(f"{place.url}/v1/clusters", headers=place.key("admin.key"), timeout=30).raise_for_status().json()
    return [cluster["cluster"] for cluster in listed["items"]]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_first_start_makes_keys_and_says_where_and_a_second_finds_everything(place: Place) -> None:
    with started(place) as process:
        assert {mode(place.data / name) for name in ("admin.key", "vendor.key", "licensing.log", "vendor/signing-key.pem")} == {0o600}
        assert {mode(place.data / name) for name in ("vendor", "secrets")} == {0o700}
        assert [path.name for path in place.data.rglob("*.pem")] == ["signing-key.pem"]
        assert put_cluster(place) == 201
        desk = httpx.get(f"{place.url}/v1/orders", headers=place.key("vendor.key"))
        assert (desk.status_code, desk.json()["items"]) == (200, [])
        assert httpx.get(f"{place.url}/v1/orders", headers=place.key("admin.key")).status_code == 403
        resident = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
        assert resident
        assert int(resident[1]) * 1024 < MOST_RESIDENT_BYTES
        process.terminate()
        said = output_of(process)
    assert process.returncode == 0
    for path in (place.data / "admin.key", place.data / "vendor.key"):
        assert str(path) in said
        assert path.read_text().strip() not in said + (place.data / "licensing.log").read_text()
    assert f'curl -H "Authorization: Bearer $(cat {place.data}/admin.key)" {place.url}/v1/device-types' in said
    assert running_postmaster(place.data / "pgdata") is None
    before = {name: (place.data / name).read_bytes() for name in ("admin.key", "vendor.key", "vendor/signing-key.pem")}
    with started(place) as process:
        assert clusters(place) == ["hq"]
        process.send_signal(signal.SIGINT)  # Ctrl-C
        assert "Stopped." in output_of(process)
    assert process.returncode == 0
    assert before == {name: (place.data / name).read_bytes() for name in before}


def test_a_second_process_and_a_taken_port_are_refused_in_a_sentence(place: Place) -> None:
    with started(place) as process:
        second = subprocess.run(
            [sys.executable, "-m", "gateway.embedded"], cwd=ROOT, env=place.environment, check=False, capture_output=True, text=True
        )
        assert second.returncode == 1
        assert second.stderr == (
            f"Cannot start: {place.data} is in use by another process (pid {process.pid}). "
            "Stop that one first, or set LICENSING_DATA_DIR to another folder.\n"
        )
        other = Place(place.data.with_name("other"), place.port)
        taken = subprocess.run(
            [sys.executable, "-m", "gateway.embedded"], cwd=ROOT, env=other.environment, check=False, capture_output=True, text=True
        )
        assert taken.returncode == 1
        assert taken.stderr.startswith(f"Cannot start: cannot listen on 127.0.0.1 port {place.port}: ")
        assert taken.stderr.count("\n") == 1
        assert running_postmaster(other.data / "pgdata") is None


def test_sigterm_finishes_the_request_under_way_and_stops_the_database(place: Place) -> None:
    body = b'{"product_version": "5.0"}'
    with started(place) as process, socket.create_connection(("127.0.0.1", place.port), timeout=30) as connection:
        key = place.key("admin.key")["Authorization"]
        head = f"PUT /v1/clusters/late HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")  # the service waits for the body
        process.terminate()
        wait_until_refused(place)
        connection.sendall(body)
        answer = connection.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 201")
        assert "Stopped." in output_of(process)
    assert process.returncode == 0
    assert running_postmaster(place.data / "pgdata") is None
    with started(place):
        assert clusters(place) == ["late"]


def wait_until_refused(place: Place) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", place.port), timeout=5).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.05)
    raise AssertionError("connections are still accepted")


def test_readyz_says_that_it_ends_before_connections_are_refused(place: Place) -> None:
    with started(DrainingPlace(place.data, place.port)) as process:
        process.terminate()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (answer := httpx.get(f"{place.url}/readyz", timeout=30)).status_code == 200:
            assert time.monotonic() < deadline
        assert answer.json()["checks"]["process"] == "is stopping"
        assert "Stopped." in output_of(process)


def test_a_killed_process_is_followed_by_one_that_has_everything(place: Place) -> None:
    with started(place) as process:
        assert put_cluster(place) == 201
        process.kill()
        process.wait(PATIENCE_SECONDS)
    assert running_postmaster(place.data / "pgdata") is not None  # orphaned; the next start takes it over
    with started(place):
        assert clusters(place) == ["hq"]


def test_a_lost_key_file_is_made_anew_and_the_lost_key_ends(place: Place) -> None:
    with started(place):
        old = place.key("admin.key")
    (place.data / "admin.key").unlink()
    with started(place):
        assert httpx.get(f"{place.url}/v1/clusters", headers=place.key("admin.key")).status_code == 200
        assert httpx.get(f"{place.url}/v1/clusters", headers=old).status_code == 401


def test_what_is_no_http_is_answered_with_a_problem(place: Place) -> None:
    with started(place), socket.create_connection(("127.0.0.1", place.port), timeout=30) as connection:
        connection.sendall(b"this is no HTTP\r\n\r\n")
        answer = connection.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"application/problem+json" in answer
        assert b"urn:licensing:problem:invalid-request" in answer


def test_a_signal_before_it_is_ready_leaves_nothing_running(place: Place) -> None:
    command = [sys.executable, "-m", "gateway.embedded"]
    with subprocess.Popen(command, cwd=ROOT, env=place.environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Starting on the data folder")
        process.terminate()
        assert output_of(process) == "Stopped before it was ready.\n"
    assert process.returncode == 0
    assert running_postmaster(place.data / "pgdata") is None
