"""One mutant on trial, in a process of its own that never returns: the tests run on it, and the exit code says whether one noticed.

Must be started by fork from a process that has not imported the code under test, so that the mutant is what everybody imports.
"""

import importlib.abc
import importlib.machinery
import io
import os
import resource
import signal
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, NoReturn

import pytest

from tests.mutation.here import ROOT
from tests.mutation.reach import lower_examples

SECONDS_A_TEST = 20  # of processor time, so that a busy machine kills nobody
_MOST_MEMORY_BYTES = 3 << 30


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads one module from the mutant's text instead of from its file, and leaves no bytecode behind."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self._text = text

    def get_code(self, fullname: str) -> Any:
        return compile(self._text, self.get_filename(fullname), "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._path = str(ROOT / f"{name.replace('.', '/')}.py")
        self._text = text

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.machinery.ModuleSpec(fullname, _Loader(fullname, self._path, self._text), origin=self._path)


class _Rules:
    """A pytest plugin: these tests only, the most promising ones first, and none longer than its share."""

    def __init__(self, worth: dict[str, float], only: set[str] | None, noticed: int) -> None:
        self._worth = worth
        self._only = only
        self._noticed = noticed

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if self._only is None or item.nodeid in self._only),
            key=lambda item: self._worth.get(item.nodeid, 0.0),
        )
        lower_examples(items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        signal.setitimer(signal.ITIMER_PROF, SECONDS_A_TEST)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            os.write(self._noticed, report.nodeid.encode())


def run_tests(tests: Sequence[str], plugin: object, *more: str) -> int:
    """pytest's exit code over these folders, without any conftest or setting of the project."""
    settings = str(ROOT / "tests" / "mutation" / "pytest.ini")
    paths = [f"{ROOT}/{test}" for test in tests]
    arguments = ["-q", "-x", "-c", settings, f"--rootdir={ROOT}", "--noconftest", "-p", "no:cacheprovider", *more, *paths]
    return int(pytest.main(arguments, plugins=[plugin]))


def run(
    module: str, text: str, tests: Sequence[str], first: Sequence[str], rules: tuple[dict[str, float], set[str] | None, int]
) -> NoReturn:
    """End this process with 0 if every test passed on the mutant, with 1 if one failed or the mutant cannot be imported.

    ``first``: tests to ask before all others are even collected. ``rules``: the worth of each test (the lower the earlier), the tests to
    run, and where to write the name of the one that noticed.
    """
    code = 1
    try:
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY_BYTES, _MOST_MEMORY_BYTES))
        sys.meta_path.insert(0, _Finder(module, text))
        if rules[1] == set():
            code = 0  # nobody ever calls it
        else:
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                code = run_tests(first, _Rules(*rules), "--tb=no") if first else 0
                code = code or run_tests(tests, _Rules(*rules), "--tb=no")
    finally:
        os._exit(0 if code == 0 else 1)
