"""The vendor's private key is opened at the desk and nowhere else; only what makes signatures knows such a key at all."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.source import imports_of, python_files, shown, tree_of

DESK = Path("services/registration/clients/signing_key.py")
FORM = Path("shared/license_file/signature.py")
PRODUCT = ("gateway", "services", "shared", "deploy")
PRIVATE = "Ed25519PrivateKey"
OPENERS = {"load_pem_private_key", "load_der_private_key", "load_ssh_private_key", "from_private_bytes"}
SETTINGS = {"signing_key_file", "signing_key_passphrase"}
"""Who is told where the key lies and what opens it: the desk, and the process that holds both sides for evaluation."""


def _names_in(path: Path) -> Iterator[tuple[int, str]]:
    """Every name that the code says, imported ones too."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Name):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.value.lineno, node.arg
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((node.lineno, alias.name) for alias in node.names)


def _saying(names: set[str]) -> dict[Path, list[str]]:
    """The product's files that say one of these names, and where."""
    found = {path: [f"{path}:{line}: {name}" for line, name in _names_in(path) if name in names] for path in python_files(*PRODUCT)}
    return {path: places for path, places in found.items() if places}


def _beside(found: dict[Path, list[str]], *allowed: Path) -> list[str]:
    assert found.keys() >= set(allowed), "this test no longer looks where the key is"
    return [place for path, places in found.items() if path not in allowed for place in places]


def test_only_the_desk_and_the_form_of_a_signature_know_a_private_key() -> None:
    faults = _beside(_saying({PRIVATE}), DESK, FORM)
    assert not faults, shown(faults, f"a private key of the vendor outside {DESK} and {FORM}")


def test_only_the_desk_opens_one() -> None:
    faults = _beside(_saying(OPENERS), DESK)
    assert not faults, shown(faults, f"a private key is opened outside {DESK}")


def test_only_the_desk_signs_a_line() -> None:
    signers = {"shared.license_file.signature"}
    faults = [
        f"{path}:{node.lineno}"
        for path in python_files(*PRODUCT)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom)
        and node.module in signers
        and any(alias.name == "sign" for alias in node.names)
        and path != DESK
    ]
    assert not faults, shown(faults, f"lines are signed outside {DESK}")


def test_only_the_vendors_side_is_told_where_its_key_is() -> None:
    found = _saying(SETTINGS)
    faults = [place for path, places in found.items() if path.parts[:2] != ("services", "registration") for place in places]
    assert [fault.split(":")[0] for fault in faults] == ["gateway/embedded.py"] * 2, shown(faults, "somebody else knows where the key is")


def test_no_service_and_no_gateway_imports_the_desks_key() -> None:
    module = ".".join(DESK.with_suffix("").parts)
    faults = [
        f"{path}:{line}: {name}"
        for path in python_files(*PRODUCT)
        if path.parts[:2] != ("services", "registration")
        for line, name in imports_of(path)
        if name.startswith(module.rpartition(".")[0])
    ]
    assert not faults, shown(faults, "the desk's key is imported from outside the desk")
