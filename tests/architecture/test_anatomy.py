"""Every service has the same rooms and no others, and its rules stay pure. Imports between rooms: see .importlinter."""

import ast
import re
import sys
from pathlib import Path

import pytest

from tests.architecture.source import imports_of, python_files, services, shown, text_of, tree_of
from tests.house import ROOT

MODULES = {"__init__", "__main__", "app", "settings", "command_line", "consumers", "timers", "store", "clients", "tables"}
FOLDERS = {"routes", "actions", "domain", "migrations"}
GROWN = {"consumers", "timers", "store", "clients", "tables"}
"""Files that may become a folder of their name."""
DATA = "data"
"""What a service ships and reads; no code."""

every_service = pytest.mark.parametrize("service", services(), ids=lambda folder: folder.name)


@every_service
def test_a_service_has_only_the_rooms_that_all_have(service: Path) -> None:
    faults = []
    for entry in sorted(service.iterdir()):
        if entry.name == "__pycache__":
            continue
        known = FOLDERS | GROWN | {DATA} if entry.is_dir() else {f"{name}.py" for name in MODULES}
        if entry.name not in known:
            faults.append(str(entry.relative_to(ROOT)))
    assert not faults, shown(faults, "rooms that no other service has: see Rooms in ARCHITECTURE.md")


@every_service
def test_a_service_can_be_built_and_migrated(service: Path) -> None:
    """Tables and migrations come together; every service has doors, actions and a place where it is built."""
    assert (service / "app.py").is_file()
    assert (service / "settings.py").is_file()
    assert (service / "tables.py").is_file() or (service / "tables").is_dir()
    versions = sorted(path.name for path in (service / "migrations").glob("*.py"))
    assert versions, f"{service.name} has no migrations"
    assert [name[:5] for name in versions] == [f"{number:04}_" for number in range(1, len(versions) + 1)]
    assert {"create_app"} <= {node.name for node in tree_of(service.relative_to(ROOT) / "app.py").body if isinstance(node, ast.FunctionDef)}


@every_service
def test_actions_have_a_table_of_contents(service: Path) -> None:
    """The docstring of ``actions`` names every verb there, so that one page tells what the service does."""
    actions = service / "actions"
    contents = ast.get_docstring(tree_of(actions.relative_to(ROOT) / "__init__.py")) or ""
    verbs = [path.stem for path in sorted(actions.glob("*.py")) if not path.stem.startswith("_")]
    faults = [verb for verb in verbs if not re.search(rf"\b{verb}\b", contents)]
    assert not faults, shown(faults, f"{service.name}/actions/__init__.py does not name these")


@every_service
def test_the_domain_is_pure(service: Path) -> None:
    """The standard library without I/O, itself, and shared.license_file, which is pure too."""
    impure = {
        "asyncio",
        "datetime.now",
        "os",
        "pathlib",
        "random",
        "secrets",
        "socket",
        "subprocess",
        "time",
        "threading",
        "logging",
        "urllib",
    }
    mine = f"services.{service.name}.domain"
    faults = []
    for path in python_files("services"):
        if path.parts[1:3] != (service.name, "domain"):
            continue
        for line, name in imports_of(path):
            top = name.partition(".")[0]
            pure = top in sys.stdlib_module_names and top not in impure
            if not (pure or name.startswith((mine, "shared.license_file"))):
                faults.append(f"{path}:{line}: {name}")
        if re.search(r"\b(datetime\.now|date\.today|utcnow)\(", text_of(path)):
            faults.append(f"{path}: asks the clock")
    assert not faults, shown(faults, "a domain that knows more than rules: pass the value in")


@every_service
def test_a_rule_asserted_in_the_domain_names_a_check_that_exists(service: Path) -> None:
    inside = [path for path in python_files("services") if path.parts[1] == service.name]
    tables = "\n".join(text_of(path) for path in inside if path.parts[2].startswith("tables"))
    faults = [
        f"{path}: CHECK {name}"
        for path in inside
        if path.parts[2] == "domain"
        for name in re.findall(r"paired with CHECK (\w+)", text_of(path))
        if f'"{name}"' not in tables
    ]
    assert not faults, shown(faults, "pairs without the other half in tables")
