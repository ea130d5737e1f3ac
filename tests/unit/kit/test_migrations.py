"""The head of the migrations is read without alembic, and is what alembic says."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from shared.kit.migrations import head_of, suits
from tests.house import ROOT

FOLDERS = sorted([*ROOT.glob("services/*/migrations"), *ROOT.glob("gateway/migrations")])


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_the_head_is_the_one_that_alembic_finds(folder: Path) -> None:
    assert head_of(folder) == ScriptDirectory(str(folder), version_locations=[str(folder)]).get_current_head()
    assert head_of(folder) is not None


def _write(folder: Path, revision: str, before: str) -> None:
    (folder / f"{revision}_x.py").write_text(f'"""Words: revision = "9999"."""\n\nrevision = "{revision}"\ndown_revision = {before}\n')


def test_the_head_is_what_no_other_names_whatever_the_files_are_called(tmp_path: Path) -> None:
    assert head_of(tmp_path / "nowhere") is None
    for revision, before in (("0001", "None"), ("zz", '"0001"'), ("aa", '"zz"')):
        _write(tmp_path, revision, before)
    assert head_of(tmp_path) == "aa"


def test_two_heads_are_a_mistake_that_is_said(tmp_path: Path) -> None:
    for revision, before in (("0001", "None"), ("0002", '"0001"'), ("0003", '"0001"')):
        _write(tmp_path, revision, before)
    with pytest.raises(AssertionError, match=r"the heads \['0002', '0003'\]"):
        head_of(tmp_path)


def test_a_process_works_on_its_own_head_and_on_that_of_the_next_release(tmp_path: Path) -> None:
    (tmp_path / "0001_a.py").write_text('revision = "0001"\ndown_revision = None\n')
    (tmp_path / "0002_b.py").write_text('revision = "0002"\ndown_revision = "0001"\n')
    assert {revision: suits(revision, tmp_path) for revision in (None, "0001", "0002", "0003")} == {
        None: False,
        "0001": False,
        "0002": True,
        "0003": True,
    }
