"""One side's database as it is deployed: roles and rights by the scripts of ``deploy``, run as they are with the wheel's programs."""

import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import make_url

from shared.kit.migrations import migrate
from shared.kit.postgres import EmbeddedPostgres
from tests.house import ROOT

PATIENCE_SECONDS = 120
OWNER = "licensing_owner"
CUSTOMER = ("ledger", "licensefile", "calculator", "alarms", "gateway")
VENDOR = ("registration", "gateway")
ROLES = (OWNER, *CUSTOMER, "registration")


def password_of(role: str) -> str:
    """With what a careless script would trip over."""
    return f"{role}'s $(word) \\ %"


@dataclass(frozen=True)
class Side:
    """A database on a server for tests, and the environment in which the scripts find it."""

    postgres: EmbeddedPostgres
    database: str
    secrets: Path
    more: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def on(cls, postgres: EmbeddedPostgres, database: str, folder: Path, **more: str) -> "Side":
        secrets = folder / "secrets-of-the-side"
        secrets.mkdir(exist_ok=True)
        for role in ROLES:
            (secrets / f"database_password_{role}").write_text(f"{password_of(role)}\n")
        return cls(postgres, database, secrets, more)

    @property
    def environment(self) -> dict[str, str]:
        superuser = make_url(self.postgres.url())
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LICENSING_", "PG"))}
        return {
            **inherited,
            "PATH": f"{self.postgres.bin_dir}{os.pathsep}{os.environ['PATH']}",
            "PGHOST": str(self.postgres.socket_folder),
            "PGPORT": "5432",
            "PGUSER": str(superuser.username),
            "PGPASSWORD": str(superuser.password),
            "LICENSING_DIRECT": "yes",
            "LICENSING_DATABASE": self.database,
            "LICENSING_SECRETS_DIR": str(self.secrets),
            **self.more,
        }

    def run(self, *command: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a script of ``deploy`` to its end, whatever that is."""
        words = [str(ROOT / "deploy" / command[0]), *map(str, command[1:])]
        return subprocess.run(
            words, env={**self.environment, **environment}, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )

    def succeed(self, *command: str | Path, **environment: str) -> str:
        """What it printed."""
        done = self.run(*command, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def url(self, role: str) -> str:
        """For a service, as its role."""
        return (
            make_url(self.postgres.url(self.database)).set(username=role, password=password_of(role)).render_as_string(hide_password=False)
        )


@asynccontextmanager
async def connected(side: Side, role: str, **changes: str) -> AsyncIterator[Any]:
    """As somebody who has the role's password."""
    url = make_url(side.url(role)).update_query_dict(changes)
    where = {"host": url.query["host"], "port": 5432, "user": role, "password": url.password}
    connection = await asyncpg.connect(**{**where, "database": side.database, **changes})
    try:
        yield connection
    finally:
        await connection.close()


async def superuser(side: Side, statement: str, *values: object) -> list[Any]:
    url = make_url(side.postgres.url(side.database))
    connection = await asyncpg.connect(host=url.query["host"], port=5432, user=url.username, password=url.password, database=side.database)
    try:
        return list(await connection.fetch(statement, *values))
    finally:
        await connection.close()


async def migrated_side(postgres: EmbeddedPostgres, database: str, folder: Path) -> Side:
    """Both sides in one database: roles and rights by the script, all schemas by the owner's migrations."""
    side = Side.on(postgres, database, folder)
    for name in ("customer", "vendor"):
        side.succeed("postgres/roles.sh", LICENSING_SIDE=name)
    for room in sorted([*ROOT.glob("services/*/migrations"), *ROOT.glob("gateway/migrations")]):
        await migrate(side.url(OWNER), room.parent.name, room)
    return side
