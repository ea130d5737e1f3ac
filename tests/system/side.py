"""One side's database as it is deployed: roles and rights by the scripts of ``deploy``, run as they are with the wheel's programs."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import make_url

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
