"""The story of the product, played from outside: by the demo as a user runs it, and by a client made from the published contract."""

import os
import subprocess
import sys
from pathlib import Path

from tests.house import ROOT
from tests.system.instance import Place, started

PATIENCE_SECONDS = 240
GENERATOR = ROOT / ".venv" / "generator" / "bin"
CONTRACT = ROOT / "shared" / "contracts" / "published" / "gateway.openapi.json"


def run(*command: str | Path, **environment: str) -> str:
    """What a command printed; fails with it where the command failed."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def test_the_demo_plays_the_whole_story_against_an_instance_of_its_own() -> None:
    said = run(sys.executable, "-m", "gateway.demo")
    assert "The story ran as told" in said
    assert said.count("License Unit Report: ") == 3
    assert "complete: all 3 files that the vendor made of it" in said
    assert "a changed digit is noticed" in said
    for word in ("raised", "cleared"):
        assert f"CiscoLicenseOverDraft {word}, with a good signature" in said


def test_the_demo_fails_loudly_where_the_story_differs(place: Place) -> None:
    with started(place):
        keys = ("--admin-key", place.data / "vendor.key", "--vendor-key", place.data / "vendor.key")
        command = [sys.executable, "-m", "gateway.demo", "--url", place.url, *map(str, keys)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode == 1
    assert "The story broke: expected status (201,), got 403" in done.stdout


def test_a_client_generated_from_the_contract_plays_the_story(place: Place, tmp_path: Path) -> None:
    assert GENERATOR.is_dir(), "make test installs the client generator into .venv/generator"
    configuration = Path(__file__).parent / "generated_client" / "generator.yaml"
    where = ("--path", CONTRACT, "--output-path", tmp_path / "generated", "--meta", "none", "--config", configuration)
    run(GENERATOR / "openapi-python-client", "generate", *where, PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    with started(place):
        keys = (place.data / "admin.key", place.data / "vendor.key")
        script = "tests.system.generated_client.play"
        said = run(GENERATOR / "python", "-m", script, tmp_path, place.url, *keys, PYTHONPATH=str(ROOT))
    assert "clusters in the enterprise report: 3" in said
