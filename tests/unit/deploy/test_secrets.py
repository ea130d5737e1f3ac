"""The secrets of a side: complete, strong, made once, and for their owner's eyes alone."""

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey

from deploy.secrets import SIDES, Side, UnsafeFolder, make_secrets
from gateway.domain.key import looks_like_key
from tests.compose import read_compose
from tests.house import ROOT

COMPOSE = read_compose()
both_sides = pytest.mark.parametrize("side", SIDES.values(), ids=lambda side: side.name)
_STRONG = re.compile(r"[A-Za-z0-9_-]{43}")


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


@both_sides
def test_what_the_compose_file_names_is_made_and_nothing_else(tmp_path: Path, side: Side) -> None:
    made = make_secrets(side, tmp_path / side.name)
    named = {Path(each["file"]) for each in COMPOSE.raw["secrets"].values()}
    asked = {path.name for path in named if path.parent.name == side.name}
    broker = {f"broker_password_{service}" for service in side.services}
    assert set(made) == contents(tmp_path / side.name).keys() == asked | broker


@both_sides
def test_passwords_are_strong_and_no_two_are_the_same(tmp_path: Path, side: Side) -> None:
    make_secrets(side, tmp_path / side.name)
    words = {name: text for name, text in contents(tmp_path / side.name).items() if "password" in name or "passphrase" in name}
    assert all(_STRONG.fullmatch(word) for word in words.values())
    assert len(set(words.values())) == len(words)


@both_sides
def test_what_is_derived_fits_what_it_is_derived_from(tmp_path: Path, side: Side) -> None:
    make_secrets(side, tmp_path / side.name)
    has = contents(tmp_path / side.name)
    for role in ("licensing_owner", *side.services, "gateway"):
        word = has[f"database_password_{role}"]
        assert has[f"{role}_database_url"] == f"postgresql+asyncpg://{role}:{word}@{side.database}"
    for service in side.services:
        assert has[f"{service}_amqp_url"] == f"amqp://{service}:{has[f'broker_password_{service}']}@{side.broker}"
    assert {user["name"] for user in json.loads(has["rabbitmq_definitions"])["users"]} == set(side.services)
    assert looks_like_key(has["first_caller_key"])
    private, public = json.loads(has["identity_key"]), json.loads(has["identity_keys"])["keys"]
    assert [key["x"] for key in public] == [private["x"]]
    assert OKPKey.import_key(private).is_private
    assert "d" not in public[0]


@both_sides
def test_a_second_run_changes_nothing(tmp_path: Path, side: Side) -> None:
    folder = tmp_path / side.name
    make_secrets(side, folder)
    before = {path: (path.read_bytes(), path.stat().st_ino) for path in folder.iterdir() if path.is_file()}
    assert make_secrets(side, folder) == []
    assert {path: (path.read_bytes(), path.stat().st_ino) for path in folder.iterdir() if path.is_file()} == before


def test_what_is_missing_is_made_without_touching_the_rest(tmp_path: Path) -> None:
    make_secrets(SIDES["customer"], tmp_path / "customer")
    before = contents(tmp_path / "customer")
    (tmp_path / "customer" / "grafana_admin_password").unlink()
    assert make_secrets(SIDES["customer"], tmp_path / "customer") == ["grafana_admin_password"]
    after = contents(tmp_path / "customer")
    assert {name for name in before if before[name] != after[name]} == {"grafana_admin_password"}


@both_sides
def test_what_is_derived_follows_what_was_made_anew(tmp_path: Path, side: Side) -> None:
    folder = tmp_path / side.name
    make_secrets(side, folder)
    first = side.services[0]
    for name in ("identity_key", f"database_password_{first}", f"broker_password_{first}"):
        (folder / name).unlink()
    derived = {"identity_keys", f"{first}_database_url", f"{first}_amqp_url", "rabbitmq_definitions"}
    assert derived < set(make_secrets(side, folder))
    has = contents(folder)
    assert json.loads(has["identity_key"])["x"] == json.loads(has["identity_keys"])["keys"][0]["x"]
    assert f":{has[f'database_password_{first}']}@" in has[f"{first}_database_url"]
    assert f":{has[f'broker_password_{first}']}@" in has[f"{first}_amqp_url"]


def test_a_passphrase_that_was_kept_elsewhere_is_taken_and_can_be_read_in_a_container(tmp_path: Path) -> None:
    """Whoever restores the vendor's key brings it, by a command that may have made it theirs alone."""
    folder = tmp_path / "vendor"
    folder.mkdir(mode=0o700)
    kept = folder / "signing_key_passphrase"
    kept.write_text("kept elsewhere")
    kept.chmod(0o600)
    assert kept.name not in make_secrets(SIDES["vendor"], folder)
    assert (kept.read_text(), stat.S_IMODE(kept.stat().st_mode)) == ("kept elsewhere", 0o444)


def test_an_address_that_somebody_changed_stays(tmp_path: Path) -> None:
    folder = tmp_path / "customer"
    make_secrets(SIDES["customer"], folder)
    url = folder / "ledger_database_url"
    moved = url.read_text().replace("@postgres:", "@elsewhere:")
    url.chmod(0o600)
    url.write_text(moved)
    assert make_secrets(SIDES["customer"], folder) == []
    assert url.read_text() == moved


def test_the_definitions_follow_the_release_and_the_passwords(tmp_path: Path) -> None:
    folder = tmp_path / "customer"
    make_secrets(SIDES["customer"], folder)
    written = folder / "rabbitmq_definitions"
    older = json.loads(written.read_text())
    older["queues"].pop()
    written.chmod(0o600)
    written.write_text(json.dumps(older))
    assert make_secrets(SIDES["customer"], folder) == ["rabbitmq_definitions"]
    (folder / "broker_password_alarms").unlink()
    (folder / "alarms_amqp_url").unlink()
    assert make_secrets(SIDES["customer"], folder) == ["broker_password_alarms", "alarms_amqp_url", "rabbitmq_definitions"]


@both_sides
def test_the_folder_is_its_owners_and_the_files_are_readable_in_a_container(tmp_path: Path, side: Side) -> None:
    folder = tmp_path / side.name
    make_secrets(side, folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path.is_file()} == {0o444}
    folder.chmod(0o755)
    with pytest.raises(UnsafeFolder, match="0755"):
        make_secrets(side, folder)


def test_no_secret_is_printed_and_none_of_another_side_is_made(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deploy.secrets", "vendor", "--folder", str(tmp_path / "vendor")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "signing_key_passphrase" in done.stdout
    assert not [text for text in contents(tmp_path / "vendor").values() if text in done.stdout + done.stderr]
    assert [path.name for path in tmp_path.iterdir()] == ["vendor"]


def test_git_and_the_image_leave_secrets_out() -> None:
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    named = {line for line in ignored if line.startswith("!")}
    assert ignored[1] == "*"
    assert not named & {"!secrets", "!.git", "!tests", "!.env"}
