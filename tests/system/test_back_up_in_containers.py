"""Back-up and restore as `make` calls them, by way of `docker compose`. A small program stands for it: it runs here what Compose would
run in a container, and knows, as Compose does, that nothing can be run in a container that was not started."""

import sys
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import make_url

from shared.kit.postgres import EmbeddedPostgres
from tests.house import ROOT
from tests.system.side import Side, migrated_side, superuser

SEALED = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
CLUSTER = """INSERT INTO ledger.cluster (cluster, product_version, version, frozen, software_major, created_at)
             VALUES ('one', '5.0', 1, false, 5, now())"""
COMPOSE = f"""#!{sys.executable}
import os, pathlib, sys

words, here = sys.argv[1:], pathlib.Path(os.environ["HERE"])
assert (words.pop(0), words.pop(0)) == ("compose", "--profile"), words
profile, verb = words.pop(0), words.pop(0)
database = {{"customer": "postgres", "vendor": "vendor-postgres"}}[profile]
places = {{"/run/secrets": str(here / "secrets-of-the-side"), "/docker-entrypoint-initdb.d": "{ROOT}/deploy/postgres"}}
if verb == "up":
    assert words == ["--detach", "--wait", database], words
    (here / database).touch()
    raise SystemExit
if verb == "exec":
    assert words[:2] == ["-T", "--env"], words
    name, _, value = words[2].partition("=")
    service, words = words[3], words[4:]
    if not (here / service).exists():
        raise SystemExit(f'service "{{service}}" is not running')
    os.environ[name] = value
else:
    assert (verb, words[:6]) == ("run", ["--rm", "--no-deps", "-T", "--entrypoint", "sh", "registration"]), words
    words = ["sh", *words[6:]]
for inside, outside in places.items():
    words = [word.replace(inside, outside) for word in words]
os.execvp(words[0], words)
"""


def in_containers(postgres: EmbeddedPostgres, database: str, folder: Path) -> Side:
    """A machine on which no container runs."""
    superuser = make_url(postgres.url())
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "docker").write_text(COMPOSE)
    (folder / "bin" / "docker").chmod(0o755)
    here = {"HERE": str(folder), "LICENSING_DIRECT": "", "LICENSING_SIGNING_KEY_FILE": str(folder / "key.pem"), "BACKUPS": str(folder)}
    side = Side.on(postgres, database, folder, **here, POSTGRES_USER=str(superuser.username))
    (side.secrets / "postgres_password").write_text(str(superuser.password))
    side = Side(side.postgres, database, side.secrets, {**side.more, "PATH": f"{folder / 'bin'}:{side.environment['PATH']}"})
    assert side.environment["LICENSING_DIRECT"] == ""
    return side


@pytest.fixture(scope="module")
async def lived_in(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Side:
    """Both sides' databases run, one cluster is known, and there is a signing key."""
    folder = tmp_path_factory.mktemp("lived-in")
    database = f"side_{uuid4().hex[:12]}"
    await superuser(await migrated_side(postgres, database, tmp_path_factory.mktemp("migrated")), CLUSTER)
    (folder / "key.pem").write_text(SEALED)
    for container in ("postgres", "vendor-postgres"):
        (folder / container).touch()
    return in_containers(postgres, database, folder)


@pytest.mark.parametrize("name", ["customer", "vendor"])
async def test_a_machine_without_a_container_is_restored(lived_in: Side, postgres: EmbeddedPostgres, tmp_path: Path, name: str) -> None:
    file = lived_in.succeed("backup.sh", SIDE=name)
    empty = in_containers(postgres, f"side_{uuid4().hex[:12]}", tmp_path / "empty")
    assert empty.run("backup.sh", SIDE=name).returncode != 0
    empty.succeed("restore.sh", file, SIDE=name)
    if name == "customer":
        assert [row[0] for row in await superuser(empty, "SELECT cluster FROM ledger.cluster")] == ["one"]
    else:
        assert (tmp_path / "empty" / "key.pem").read_text() == SEALED
