"""A place for an instance of a test's own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.kit.postgres.postmaster import running_postmaster
from tests.system.instance import Place, free_port


@pytest.fixture
def place() -> Iterator[Place]:
    made = Path(tempfile.mkdtemp(prefix="lic-", dir="/tmp"))
    made.chmod(0o711)
    yield Place(made / "data", free_port())
    assert running_postmaster(made / "data" / "pgdata") is None
    shutil.rmtree(made)
