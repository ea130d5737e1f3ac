"""``python -m deploy.secrets customer|vendor``: every secret of one side, made once, each a file of its own in ``secrets/<side>``.

Must not be broken: what is there is never written again, for something was sealed or set up with it (what is derived alone follows what
it is derived from: URLs, the public half of a key, the broker's definitions also the release); nothing is printed but names; no file of
one side is derived from a secret of the other. The files can be read by everybody, because a container sees them with the modes and
numbers that they have here and runs as nobody of this machine; the folder is passable for its owner alone.
"""

import argparse
import base64
import hashlib
import json
import os
import secrets
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.rabbitmq.definitions import Definitions, definitions
from gateway.domain.key import new_key
from shared.kit.data_folder import sync_folder, write_private_file
from shared.kit.identity import IdentityIssuer, new_identity_keys

ROOT = Path(__file__).parents[1]
OWNER = "licensing_owner"
_READABLE = 0o444


@dataclass(frozen=True, slots=True)
class Side:
    """Whose secrets: the services that have rows, those that speak to the broker, and where both are found."""

    name: str
    services: tuple[str, ...]
    database: str
    broker: str


SIDES = {
    side.name: side
    for side in (
        Side("customer", ("ledger", "licensefile", "calculator", "alarms"), "postgres:5432/licensing", "rabbitmq:5672/licensing"),
        Side("vendor", ("registration",), "vendor-postgres:5432/licensing", "vendor-rabbitmq:5672/vendor"),
    )
}


class UnsafeFolder(Exception):
    """Others could read what lies there; the message says what to do."""


class Safe:
    """The folder of one side's secrets, in which a name is written once."""

    def __init__(self, folder: Path) -> None:
        """Make the folder where it is missing. Raises UnsafeFolder where others may pass it."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = folder.stat()
        if facts.st_mode & 0o077 or facts.st_uid != os.geteuid():
            raise UnsafeFolder(
                f"{folder} has mode {stat.S_IMODE(facts.st_mode):04o} and belongs to uid {facts.st_uid}; it must have mode 0700 and belong "
                f"to uid {os.geteuid()}. If others may have read it, delete it and everything that was set up with it."
            )
        self.folder = folder
        self.made: list[str] = []

    def __contains__(self, name: str) -> bool:
        return (self.folder / name).exists()

    def keep(self, name: str, make: Callable[[], str]) -> str:
        """The text under ``name``, made now where there is none: whole or not at all. One that was brought here is made readable."""
        path = self.folder / name
        if name not in self:
            self._write(path, make())
        elif stat.S_IMODE(path.stat().st_mode) != _READABLE:
            path.chmod(_READABLE)
        return path.read_text("utf-8")

    def refresh(self, name: str, still_true: Callable[[str], bool], make: Callable[[], str]) -> None:
        """As ``keep``, for what is derived: it is made anew where what it was made from is another by now."""
        path = self.folder / name
        if name not in self or not still_true(path.read_text("utf-8")):
            self._write(path, make())

    def _write(self, path: Path, text: str) -> None:
        draft = path.with_name(f".{path.name}.draft")
        draft.unlink(missing_ok=True)
        write_private_file(draft, text)
        draft.chmod(_READABLE)
        draft.rename(path)
        sync_folder(self.folder)
        self.made.append(path.name)


def password() -> str:
    """256 random bits, in letters that a URL takes as they are."""
    return secrets.token_urlsafe(32)


def make_secrets(side: Side, folder: Path) -> list[str]:
    """Make what is missing in ``folder``; the names of what was made. Raises UnsafeFolder."""
    safe = Safe(folder)
    _make_database(safe, side)
    _make_broker(safe, side)
    _make_identity(safe)
    safe.keep("first_caller_key", new_key)
    if side.name == "vendor":
        safe.keep("signing_key_passphrase", password)
    else:
        safe.keep("grafana_admin_password", password)
        (folder / "trusted-keys").mkdir(mode=0o755, exist_ok=True)
        (folder / "trusted-keys").chmod(0o755)
    return safe.made


def _make_database(safe: Safe, side: Side) -> None:
    safe.keep("postgres_password", password)
    for role in (OWNER, *side.services, "gateway"):
        word = safe.keep(f"database_password_{role}", password)
        _keep_url(safe, f"{role}_database_url", "postgresql+asyncpg", f"{role}:{word}", side.database)


def _keep_url(safe: Safe, name: str, scheme: str, who: str, where: str) -> None:
    """With another address in it, it is somebody's decision and stays."""
    safe.refresh(name, lambda text: f"//{who}@" in text, lambda: f"{scheme}://{who}@{where}")


def _make_broker(safe: Safe, side: Side) -> None:
    words = {service: safe.keep(f"broker_password_{service}", password) for service in side.services}
    for service, word in words.items():
        _keep_url(safe, f"{service}_amqp_url", "amqp", f"{service}:{word}", side.broker)
    safe.refresh(
        "rabbitmq_definitions", lambda text: _still_true(json.loads(text), words), lambda: json.dumps(definitions(words), indent=1)
    )


def _still_true(written: Definitions, words: Mapping[str, str]) -> bool:
    """Are they what this release would write? Hashes differ each time: a password is tried instead."""
    now = definitions(words)
    known = {user["name"]: base64.b64decode(user["password_hash"]) for user in written["users"]}
    return known.keys() == words.keys() and {**written, "users": now["users"]} == now and all(_opens(known[n], words[n]) for n in words)


def _opens(salted: bytes, word: str) -> bool:
    return hashlib.sha256(salted[:4] + word.encode()).digest() == salted[4:]


def _make_identity(safe: Safe) -> None:
    """A pair: the key with which the gateway signs whom it let in, and what the services know that by."""
    private, public = new_identity_keys()
    if "identity_key" in safe:
        public = IdentityIssuer.from_file(safe.folder / "identity_key").public_keys
    safe.keep("identity_key", lambda: json.dumps(private))
    safe.refresh("identity_keys", lambda text: public["keys"][0] in json.loads(text)["keys"], lambda: json.dumps(public))


def main() -> int:
    """Make one side's secrets; the exit code is 1 where its folder is not safe."""
    parser = argparse.ArgumentParser(prog="python -m deploy.secrets", description=__doc__)
    parser.add_argument("side", choices=sorted(SIDES))
    parser.add_argument("--folder", type=Path, help="default: secrets/<side> of this project")
    arguments = parser.parse_args()
    folder = arguments.folder or ROOT / "secrets" / arguments.side
    try:
        made = make_secrets(SIDES[arguments.side], folder)
    except UnsafeFolder as unsafe:
        sys.stderr.write(f"{unsafe}\n")
        return 1
    sys.stdout.write(f"{folder}: {len(made)} made{': ' if made else ', all there'}{', '.join(made)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
