"""Act 11: the order as a tree, and the proof of it from files alone, by the program that a customer runs."""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from gateway.demo.purchase import LicenseFile, download, with_one_digit_changed
from gateway.demo.stage import Stage


async def prove_the_order(stage: Stage, first: LicenseFile) -> None:
    """The tree of the order of ``first``, its statement, and what ``licensing verify`` says of the files, whole and not."""
    stage.step("The order as a tree, proven offline: signatures, what replaced what, and that the parts fit the whole")
    made = stage.accepted(await stage.vendor.call("getRegistration", {"license_file_id": first.license_file_id}), 200)
    tree = stage.accepted(await stage.vendor.call("getOrderTree", {"order_id": made["order_id"]}), 200)
    stage.show(_table(tree))
    chains = [[file["state"] for file in share["license_files"]] for share in tree["shares"]]
    stage.expect("files by share", chains, [["replaced", "current"], ["current"]])
    statement = await stage.vendor.call("getPakStatement", {"pak": tree["pak"]})
    stage.accepted(statement, 200)
    stage.say("The vendor's signed statement, from which anybody knows that no file is missing:")
    stage.quote("\n".join(line[:130] for line in statement.content.decode().splitlines()))
    if stage.vendors_public_key is None:
        stage.say("The files are not verified here, for the vendor's public key was not given.")
        return
    ids = [file["license_file_id"] for share in tree["shares"] for file in share["license_files"]]
    files = {f"{one}.lic": (await download(stage, one, f"{one}.lic")).content for one in ids}
    await _verify_all(stage, stage.vendors_public_key, files, statement.content, first)


async def _verify_all(stage: Stage, key: Path, files: Mapping[str, bytes], statement: bytes, first: LicenseFile) -> None:
    stage.say("licensing verify, with nothing but the files:")
    code, said = await _verify(key, files, statement)
    stage.quote(said)
    stage.expect("proven", (code, "complete: all 3 files" in said, "PHONE_UNIT: 20000 of the 20000 ordered" in said), (0, True, True))
    rest = {name: content for name, content in files.items() if name != first.file_name}
    code, said = await _verify(key, rest, statement)
    stage.expect("a file left out is noticed", (code, f"missing are {first.license_file_id}" in said), (1, True))
    code, said = await _verify(key, {**files, first.file_name: with_one_digit_changed(first.content)}, statement)
    stage.expect("a changed digit is noticed", (code, "counts for nothing" in said), (1, True))


async def _verify(key: Path, files: Mapping[str, bytes], statement: bytes) -> tuple[int, str]:
    """How ``licensing verify`` ended on these files in a folder of their own, and what it said."""
    with tempfile.TemporaryDirectory(prefix="licensing-proof-") as folder:
        paths = [Path(folder) / name for name in (*files, "statement.txt")]
        for path, content in zip(paths, (*files.values(), statement), strict=True):
            path.write_bytes(content)
        command = [sys.executable, "-m", "services.licensefile", "verify", *map(str, paths[:-1])]
        command += ["--key", str(key), "--statement", str(paths[-1])]
        ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout


def _table(tree: Mapping[str, Any]) -> Table:
    """An order's shares and the files of each."""
    table = Table(title=f"Order {tree['order_id']}, PAK {tree['pak']}: {tree['nodes']} nodes, {tree['units']:,} units")
    for heading in ("Share", "Nodes", "Units", "License file", "MAC", "State", "Replaced by"):
        table.add_column(heading, justify="right" if heading in {"Share", "Nodes", "Units"} else "left")
    for share in tree["shares"]:
        numbers = str(share["share"]), str(share["nodes"]), f"{share['units']:,}"
        for depth, file in enumerate(share["license_files"]):
            named = f"{'  ' * depth}{file['license_file_id']}", file["mac"], file["state"], file["replaced_by"] or ""
            table.add_row(*(("", "", "") if depth else numbers), *named)
    return table
