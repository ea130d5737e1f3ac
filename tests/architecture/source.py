"""The project's own files, as the architecture tests read them."""

import ast
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.house import ROOT

_CACHES = {".grimp_cache", ".hypothesis", ".import_linter_cache", ".mypy_cache", ".pytest_cache", ".ruff_cache", "__pycache__"}
_FOREIGN = {".git", ".venv", "backups", "build", "secrets", *_CACHES}


@cache
def all_files() -> tuple[Path, ...]:
    """Every file of the project, relative to its root."""
    found: list[Path] = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if name not in _FOREIGN and not name.endswith(".egg-info"))
        found += [
            (Path(folder) / name).relative_to(ROOT)
            for name in sorted(names)
            if name not in {"uv.lock", ".git"} and (Path(folder) / name).is_file()
        ]
    return tuple(found)


def python_files(*tops: str) -> list[Path]:
    """The Python files under ``tops``, or all."""
    return [path for path in all_files() if path.suffix == ".py" and (not tops or path.parts[0] in tops)]


@cache
def text_of(path: Path) -> str:
    """A file's text; empty for what is no text."""
    try:
        return (ROOT / path).read_text("utf-8")
    except UnicodeDecodeError:
        return ""


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path), str(path))


def services() -> list[Path]:
    """The folders of the services."""
    return sorted(folder for folder in (ROOT / "services").iterdir() if (folder / "__init__.py").is_file())


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything a file imports."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


def shown(faults: list[str], rule: str) -> str:
    """The message of a failing test: every place, and the rule."""
    return "\n".join([f"{len(faults)} × {rule}", *faults])
