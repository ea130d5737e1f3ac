"""``python -m services.<service> migrate|openapi``, as an operator calls it; for ``serve`` see tests/system/test_serve.py."""

import os
import subprocess
import sys

import pytest

from gateway.published import contract_file
from shared.kit.postgres import EmbeddedPostgres
from tests.house import ROOT

ROOMS = [*(f"services.{path.parent.name}" for path in sorted(ROOT.glob("services/*/__main__.py"))), "gateway"]


def said(room: str, *verb: str, database_url: str | None = None) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LICENSING_")}
    if database_url is not None:
        environment["LICENSING_DATABASE_URL"] = database_url
    return subprocess.run([sys.executable, "-m", room, *verb], cwd=ROOT, env=environment, check=False, capture_output=True, text=True)


@pytest.mark.parametrize("room", ROOMS)
def test_openapi_prints_what_is_published_without_a_database(room: str) -> None:
    done = said(room, "openapi")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == contract_file(room.rpartition(".")[2]).read_text("utf-8")


async def test_migrate_brings_a_schema_to_its_head_and_changes_nothing_the_second_time(postgres: EmbeddedPostgres) -> None:
    await postgres.create_database("migrated_by_hand")
    for room in ("gateway", "services.calculator", "services.calculator"):
        done = said(room, "migrate", database_url=postgres.url("migrated_by_hand"))
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"{room.rpartition('.')[2]}: the schema is at 0")


def test_a_missing_setting_is_named() -> None:
    done = said("gateway", "migrate")
    assert done.returncode == 1
    assert done.stderr == "The settings are not usable: LICENSING_DATABASE_URL: Field required\n"


def test_a_database_that_is_away_is_said_without_its_password() -> None:
    done = said("gateway", "migrate", database_url="postgresql+asyncpg://gateway:hunter2@127.0.0.1:1/licensing")
    assert done.returncode == 1
    assert done.stderr.startswith("The data store at LICENSING_DATABASE_URL does not answer: ")
    assert "hunter2" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_verb_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    done = said("services.calculator", "destroy")
    assert done.returncode == 2
    assert "invalid choice: 'destroy'" in done.stderr
