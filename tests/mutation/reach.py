"""Which test reaches which code: a mutant needs only the tests that ever call what was changed."""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable
from types import FrameType
from typing import Any

import pytest
from hypothesis import settings

from tests.mutation.here import ROOT

EXAMPLES = 40  # of each property: a mutant that no 40 examples tell apart is for a table to find
_CODE = tuple(str(ROOT / folder) for folder in ("shared", "services"))


class Reach:
    """A pytest plugin: records for each test its seconds and the functions it calls, as (file, line of the def).

    What is called while test files are imported and their tables are built belongs to every test.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, list[tuple[str, int]]] = {}
        self.always: list[tuple[str, int]] = []
        self._seen: set[tuple[str, int]] = set()

    def pytest_collection(self) -> None:
        sys.setprofile(self._note)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.always, self._seen = sorted(self._seen), set()
        lower_examples(items)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._seen = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.seconds[report.nodeid] = report.duration
            self.calls[report.nodeid] = sorted(self._seen)

    def pytest_sessionfinish(self) -> None:
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(_CODE):
            self._seen.add((frame.f_code.co_filename[len(str(ROOT)) + 1 :], frame.f_code.co_firstlineno))


def lower_examples(items: Iterable[pytest.Item]) -> None:
    """Properties that ask for more examples than a trial needs."""
    for item in items:
        test = getattr(item, "obj", None)
        asked: settings | None = getattr(test, "_hypothesis_internal_use_settings", None)
        if test is not None and asked is not None and asked.max_examples > EXAMPLES:
            test._hypothesis_internal_use_settings = settings(asked, max_examples=EXAMPLES)


def tests_by_code(reach: Reach) -> dict[tuple[str, int], set[str] | None]:
    """Node ids by function; None for every test."""
    found: dict[tuple[str, int], set[str] | None] = defaultdict(set)
    for test, calls in reach.calls.items():
        for call in calls:
            tests = found[call]
            if tests is not None:
                tests.add(test)
    for call in reach.always:
        found[call] = None
    return dict(found)


def function_around(source: str, line: int) -> range | None:
    """The lines of the outermost function that holds the line; None at module and class level, where everything may depend on it."""
    bodies: list[ast.AST] = [ast.parse(source)]
    while bodies:
        for node in ast.iter_child_nodes(bodies.pop()):
            if isinstance(node, ast.FunctionDef):
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                if first <= line <= (node.end_lineno or first):
                    return range(first, (node.end_lineno or first) + 1)
            elif isinstance(node, ast.ClassDef):
                bodies.append(node)
    return None
