"""A place for an instance of a test's own."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.kit.postgres.postmaster import running_postmaster
from tests.system.instance import Place, free_port


@contextmanager
def new_place(settings: Mapping[str, str]) -> Iterator[Place]:
    """A new folder that everybody may pass, gone afterwards; nothing may be left running in it."""
    made = Path(tempfile.mkdtemp(prefix="lic-", dir="/tmp"))
    made.chmod(0o711)
    yield Place(made / "data", free_port(), settings)
    assert running_postmaster(made / "data" / "pgdata") is None
    shutil.rmtree(made)


@pytest.fixture
def place() -> Iterator[Place]:
    with new_place({}) as made:
        yield made


@pytest.fixture(scope="module")
def shared_place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """One place for a module's tests, with the module's SETTINGS: a start is what costs."""
    with new_place(getattr(request.module, "SETTINGS", {})) as made:
        yield made
