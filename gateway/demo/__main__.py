"""``python -m gateway.demo``: the story against a temporary instance of its own, or with ``--url`` against a running, empty one."""

import argparse
import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console

from gateway.demo.api import HttpApi
from gateway.demo.receiver import receiver
from gateway.demo.stage import Stage, StoryBroken
from gateway.demo.story import play

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """A running instance and the keys to it; ``vendor_url``: where the vendor's desk is, which may be an instance of its own.

    ``vendors_public_key``: the file with which license files are verified.
    """

    url: str
    admin_key: str
    vendor_url: str
    vendor_key: str
    vendors_public_key: Path | None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    with httpx.Client(base_url=url) as client:
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(httpx.TransportError):  # it does not listen yet
                if client.get("/readyz").status_code == httpx.codes.OK:
                    return
            time.sleep(0.05)
    raise StoryBroken(f"the temporary instance did not become ready; it said:\n{log.read_text(errors='replace')[-4000:]}")


@contextmanager
def temporary_instance() -> Iterator[Place]:
    """An instance in a folder of its own, gone afterwards. Everybody may pass the folder: the database's account has to."""
    folder = Path(tempfile.mkdtemp(prefix="licensing-demo-"))
    folder.chmod(0o711)
    url = f"http://127.0.0.1:{(port := _free_port())}"
    environment = {**os.environ, "LICENSING_HOST": "127.0.0.1", "LICENSING_PORT": str(port), "LICENSING_DATA_DIR": str(folder / "data")}
    environment["LICENSING_ALARMS_ALLOW_PRIVATE_TARGETS"] = "true"  # the story's receiver of alarms is on this machine
    log = folder / "output.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "gateway.embedded"]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        _wait_until_ready(url, process, log)
        admin, vendor = ((folder / "data" / name).read_text().strip() for name in ("admin.key", "vendor.key"))
        yield Place(url, admin, url, vendor, folder / "data" / "trusted-keys" / "vendor.pub")
    finally:
        process.terminate()
        code = process.wait(_STOP_SECONDS)
        shutil.rmtree(folder)
    if code != 0:
        raise StoryBroken(f"the temporary instance ended with {code}")


async def play_at(place: Place, console: Console, *, telling: bool = False) -> None:
    """Play the story at ``place``. ``telling``: it may tell alarms to a receiver on this machine."""
    async with (
        receiver() if telling else nullcontext() as told,
        httpx.AsyncClient(base_url=place.url, headers={"Authorization": f"Bearer {place.admin_key}"}, timeout=30) as admin,
        httpx.AsyncClient(base_url=place.vendor_url, headers={"Authorization": f"Bearer {place.vendor_key}"}, timeout=30) as vendor,
    ):
        contracts = [(await client.get("/openapi.json")).raise_for_status().json() for client in (admin, vendor)]
        await play(Stage(HttpApi(admin, contracts[0]), HttpApi(vendor, contracts[1]), console, place.vendors_public_key), told)


def _run(arguments: argparse.Namespace, console: Console) -> None:
    began = time.monotonic()
    if arguments.url:
        admin, vendor = (path.read_text().strip() for path in (arguments.admin_key, arguments.vendor_key))
        place = Place(arguments.url, admin, arguments.vendor_url or arguments.url, vendor, arguments.vendor_public_key)
        asyncio.run(play_at(place, console))
    else:
        console.print("Starting a temporary instance …")
        with temporary_instance() as place:
            console.print(f"It answers at {place.url}.")
            asyncio.run(play_at(place, console, telling=True))
    console.print(f"\n[bold green]The story ran as told, in {time.monotonic() - began:.0f} s.[/]")


def main() -> int:
    """Run the demo; the exit code is 1 where anything differs from the story."""
    parser = argparse.ArgumentParser(prog="python -m gateway.demo", description=__doc__)
    parser.add_argument("--url", help="a running instance without clusters; by default a temporary one is started")
    parser.add_argument("--vendor-url", help="where the vendor's desk has a gateway of its own; by default --url")
    parser.add_argument("--admin-key", type=Path, help="file with the admin key of --url")
    parser.add_argument("--vendor-key", type=Path, help="file with the vendor key of --vendor-url")
    parser.add_argument("--vendor-public-key", type=Path, help="file with the public key that signs license files, to verify them with")
    arguments = parser.parse_args()
    if arguments.url and not (arguments.admin_key and arguments.vendor_key):
        parser.error("--url needs --admin-key and --vendor-key")
    console = Console(width=None if sys.stdout.isatty() else 150)
    try:
        _run(arguments, console)
    except StoryBroken as broken:
        console.print(f"\nThe story broke: {broken}", highlight=False, markup=False, style="red")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
