"""Every small change of a module, by mutmut's operators.

Beyond mutmut itself, which changes plain functions only: properties, what stands at module level (tables, patterns, limits) and the
words of f-strings are changed too, for half of the grammar stands there.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: the module's whole text with it, and the line before and after."""

    source: str
    line: int
    before: str
    after: str

    @property
    def key(self) -> str:
        """The same for the same change of the same text."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:16]


class _Everything(MutationVisitor):  # type: ignore[misc]
    """Goes into decorated functions as well: a mutant here is a whole module, so nothing has to be copied beside the original."""

    METADATA_DEPENDENCIES = MutationVisitor.METADATA_DEPENDENCIES

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef) and node.decorators:
            return False
        return bool(super()._skip_node_and_children(node))


def _words_of_f_string(node: cst.FormattedStringText) -> Iterator[cst.CSTNode]:
    yield node.with_changes(value=f"XX{node.value}")


def mutants(source: str) -> Iterator[Mutant]:
    """The mutants of a module's text, each text once, in the order of their lines."""
    wrapper = MetadataWrapper(cst.parse_module(source))
    visitor = _Everything([*mutation_operators, (cst.FormattedStringText, _words_of_f_string)], IgnoredCode(set(), set(), set()))
    wrapper.visit(visitor)
    places = wrapper.resolve(PositionProvider)
    texts = [wrapper.module.code_for_node(statement) for statement in wrapper.module.body]
    before, _, after = source.partition("".join(texts))
    home = {id(node): at for at, statement in enumerate(wrapper.module.body) for node in _walk(statement)}
    seen = {source}
    for mutation in visitor.mutations:
        at = home[id(mutation.original_node)]
        # Only the statement is written anew: writing the whole module takes longer than trying it.
        statement = wrapper.module.body[at].deep_replace(mutation.original_node, mutation.mutated_node)
        changed = "".join([before, *texts[:at], wrapper.module.code_for_node(statement), *texts[at + 1 :], after])
        if changed not in seen:
            seen.add(changed)
            yield _shown(source, changed, places[mutation.original_node].start.line)


def _walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _shown(source: str, changed: str, line: int) -> Mutant:
    """The first line that differs: an operator may work on a whole statement."""
    old, new = source.split("\n"), changed.split("\n")
    at = next((at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), line - 1)
    return Mutant(changed, at + 1, old[at].strip(), new[at].strip())
