"""The data folder: made private, checked rather than mended, held by one process."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.kit.data_folder import DataFolder, DataFolderError, default_path, write_private_file

ROOT = os.geteuid() == 0
PROJECT = Path(__file__).parents[3]


@pytest.fixture
def place() -> Iterator[Path]:
    """A short folder whose parents everybody may pass; pytest's own are closed to all but us."""
    made = Path(tempfile.mkdtemp(dir="/tmp", prefix="lic-"))
    made.chmod(0o711)
    yield made
    made.chmod(0o711)
    shutil.rmtree(made)


@pytest.fixture(params=[0o000, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.usefixtures("umask")
def test_the_folder_and_its_missing_parents_are_made_private_whatever_the_umask(place: Path) -> None:
    with closing(DataFolder.open(place / "a" / "b")) as folder:
        wanted = 0o711 if ROOT else 0o700  # as root the database's own account has to walk through
        assert folder.path == place / "a" / "b"
        assert [mode(place / "a"), mode(folder.path)] == [wanted, wanted]
        assert mode(folder.path / "lock") == 0o600
        assert mode(folder.private_folder("inner")) == 0o700


def test_a_folder_that_exists_keeps_its_mode(place: Path) -> None:
    (place / "data").mkdir()
    (place / "data").chmod(0o755)
    with closing(DataFolder.open(place / "data")):
        assert [mode(place), mode(place / "data")] == [0o711, 0o755]


@pytest.mark.parametrize("loose", [0o775, 0o757])
def test_a_folder_that_others_may_write_is_refused_and_left_alone(place: Path, loose: int) -> None:
    place.chmod(loose)
    with pytest.raises(DataFolderError, match=f"has mode {loose:04o}: others could replace .*chmod go-w"):
        DataFolder.open(place)
    assert mode(place) == loose
    assert list(place.iterdir()) == []


def test_a_folder_of_somebody_else_is_refused(place: Path) -> None:
    if ROOT:
        os.chown(place, 1, 1)
        other, owner = place, 1
    else:
        other, owner = Path("/usr"), 0
    with pytest.raises(DataFolderError, match=f"belongs to uid {owner} and this process runs as uid {os.geteuid()}"):
        DataFolder.open(other)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_parent_that_cannot_be_passed_is_named_and_left_alone(place: Path, depth: int) -> None:
    target = place / "one" / "two"
    target.mkdir(parents=True)
    for folder in (place / "one", target):
        folder.chmod(0o711)
    closed = [place, place / "one", target][depth]
    closed.chmod(0o700 if ROOT else 0o600)
    before = mode(closed)
    with pytest.raises(DataFolderError, match=f"cannot pass {closed} .*LICENSING_DATA_DIR"):
        DataFolder.open(target)
    assert mode(closed) == before
    closed.chmod(0o711)
    assert list(target.iterdir()) == []


def test_a_path_too_long_for_a_socket_is_refused_with_the_numbers(place: Path) -> None:
    tail = len("/socket/.s.PGSQL.5432")
    fits = place / ("x" * (100 - tail - len(str(place)) - 1))
    with closing(DataFolder.open(fits)) as folder:
        assert len(str(folder.path)) + tail == 100
    with pytest.raises(DataFolderError, match=f"path of 101 bytes, and a socket's path holds 100.* at most {100 - tail} bytes"):
        DataFolder.open(fits.with_name(fits.name + "x"))
    assert [entry.name for entry in place.iterdir()] == [fits.name]


@pytest.mark.parametrize("character", [",", '"', "$", "`", "\\", "\n"])
def test_a_path_that_would_be_misread_is_refused(place: Path, character: str) -> None:
    with pytest.raises(DataFolderError, match="would misread"):
        DataFolder.open(place / f"a{character}b")


def test_a_file_in_the_way_and_a_place_that_cannot_be_made_are_refused(place: Path) -> None:
    (place / "file").write_text("")
    with pytest.raises(DataFolderError, match=f"cannot make {place}/file: File exists"):
        DataFolder.open(place / "file")
    with pytest.raises(DataFolderError, match="cannot make /proc/nowhere"):
        DataFolder.open(Path("/proc/nowhere"))


def test_a_second_opener_is_refused_until_the_first_closes(place: Path) -> None:
    first = DataFolder.open(place)
    with pytest.raises(DataFolderError, match=rf"{place} is in use by another process \(pid {os.getpid()}\)"):
        DataFolder.open(place)
    first.close()
    first.close()  # twice is harmless
    DataFolder.open(place).close()


def test_a_killed_process_leaves_no_lock_behind(place: Path) -> None:
    code = (
        "import sys, pathlib; from shared.kit.data_folder import DataFolder\n"
        "folder = DataFolder.open(pathlib.Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(place)]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        with pytest.raises(DataFolderError, match=rf"in use by another process \(pid {child.pid}\)"):
            DataFolder.open(place)
        child.send_signal(signal.SIGKILL)
    with closing(DataFolder.open(place)):
        assert (place / "lock").read_text() == f"{os.getpid()}\n"


@pytest.mark.usefixtures("umask")
def test_a_secret_is_kept_word_for_word_and_closed_to_others(place: Path) -> None:
    with closing(DataFolder.open(place)) as folder:
        assert folder.read_secret("key") is None
        folder.write_secret("key", "geheim\r\nß\n")
        assert folder.read_secret("key") == "geheim\r\nß\n"
        assert [mode(place / "secrets"), mode(place / "secrets" / "key")] == [0o700, 0o600]
        assert [entry.name for entry in (place / "secrets").iterdir()] == ["key"]


def test_a_secret_is_never_overwritten(place: Path) -> None:
    with closing(DataFolder.open(place)) as folder:
        folder.write_secret("key", "first")
        with pytest.raises(DataFolderError, match="exists and is not overwritten"):
            folder.write_secret("key", "second")
        assert folder.read_secret("key") == "first"


def test_a_draft_left_by_a_crash_does_not_stand_in_the_way(place: Path) -> None:
    with closing(DataFolder.open(place)) as folder:
        (folder.private_folder("secrets") / ".key.draft").write_text("hal")
        folder.write_secret("key", "whole")
        assert folder.read_secret("key") == "whole"


def test_a_secret_that_others_may_have_read_is_not_used(place: Path) -> None:
    with closing(DataFolder.open(place)) as folder:
        folder.write_secret("key", "text")
        (place / "secrets" / "key").chmod(0o640)
        with pytest.raises(DataFolderError, match="has mode 0640"):
            folder.read_secret("key")
        assert mode(place / "secrets" / "key") == 0o640


@pytest.mark.parametrize("name", ["", "../key", "a/b", ".key", "KEY", "x" * 65])
def test_a_secret_cannot_leave_its_folder_by_its_name(place: Path, name: str) -> None:
    with closing(DataFolder.open(place)) as folder, pytest.raises(ValueError, match="no name for a secret"):
        folder.write_secret(name, "text")


def test_a_private_file_is_new_and_follows_no_link(place: Path) -> None:
    (place / "link").symlink_to(place / "elsewhere")
    with pytest.raises(FileExistsError):
        write_private_file(place / "link", "text")
    assert not (place / "elsewhere").exists()


def test_an_inner_folder_that_was_opened_to_others_is_refused_and_left_alone(place: Path) -> None:
    with closing(DataFolder.open(place)) as folder:
        folder.private_folder("inner").chmod(0o750)
        with pytest.raises(DataFolderError, match="has mode 0750"):
            folder.private_folder("inner")
        assert mode(place / "inner") == 0o750


def test_the_default_is_the_systems_place_for_root_and_the_platforms_for_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_path({}, "linux") == Path("/var/lib/callmanager-licensing")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    share = Path("/home/ada/.local/share/callmanager-licensing")
    assert default_path({}, "linux") == share
    assert default_path({"XDG_DATA_HOME": "relative"}, "linux") == share
    assert default_path({"XDG_DATA_HOME": "/data"}, "linux") == Path("/data/callmanager-licensing")
    assert default_path({}, "darwin") == Path("/home/ada/Library/Application Support/callmanager-licensing")
