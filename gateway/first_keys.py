"""The keys that an installation begins with: each in a file of its own in the data folder, or one given as a secret.

Must not be broken: a key is never printed and never logged, and its file is of mode 0600 from its first byte.
"""

import os
from pathlib import Path

from fastapi import FastAPI

from gateway.actions.keep_first_caller import keep_first_caller
from gateway.domain.caller import Caller
from gateway.domain.key import looks_like_key
from gateway.settings import GatewaySettings
from shared.kit.app import Background, Kit
from shared.kit.data_folder import DataFolderError, sync_folder, write_private_file
from shared.kit.logs import log_of

_log = log_of("first keys")
FIRST_CALLERS = {"admin.key": Caller("admin", "admin"), "vendor.key": Caller("vendor", "vendor")}


async def keep_first_keys(gateway: FastAPI, folder: Path) -> list[Path]:
    """Make the callers and files that are missing; returns the files whose keys work. Raises DataFolderError.

    See ``keep_first_caller`` for what becomes of a lost file and of a deleted caller.
    """
    working: list[Path] = []
    for name, caller in FIRST_CALLERS.items():
        path = folder / name
        async with gateway.state.kit.database.transaction() as transaction:
            if await keep_first_caller(transaction, caller, _read(path), lambda key, path=path: _write(path, key)):  # type: ignore[misc]
                working.append(path)
    return working


def first_caller_of(settings: GatewaySettings) -> list[Background]:
    """What keeps the caller that the settings name, with the key that they give; every replica does it, and the same."""
    scope, key = settings.first_caller, settings.first_caller_key
    if scope is None or key is None:
        return []

    async def keep(kit: Kit) -> None:
        async with kit.database.transaction() as tx:
            # Whoever gave the key has it: there is nothing to write.
            kept = await keep_first_caller(tx, Caller(scope, scope), key.get_secret_value(), lambda _key: None)
        _log.info("first-caller", caller=scope, kept=kept)

    return [keep]


def _read(path: Path) -> str | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        facts = os.fstat(descriptor)
        key = file.read(200).strip()
    if facts.st_mode & 0o077 or facts.st_uid != os.geteuid():
        raise DataFolderError(
            f"{path} has mode {facts.st_mode & 0o7777:04o} and belongs to uid {facts.st_uid}; it must have mode 0600 and belong to "
            f"uid {os.geteuid()}. Others may know the key: delete the file, and the next start makes a new key."
        )
    if not looks_like_key(key):
        raise DataFolderError(f"{path} holds no key. Restore it, or delete it, and the next start makes a new key.")
    return key


def _write(path: Path, key: str) -> None:
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    write_private_file(draft, f"{key}\n")
    draft.rename(path)
    sync_folder(path.parent)
