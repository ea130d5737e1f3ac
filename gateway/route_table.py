"""Finds the operation of a request: a tree of path segments, one dictionary look-up for each.

Must not be broken: what is matched here is exactly what the upstream will see. Segments are split before they are decoded, so
that an encoded slash cannot turn one operation's name into another operation's path, and matched after, so that an
encoded letter cannot reach a literal of the upstream under a parameter of ours.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from gateway.surface import Operation


@dataclass
class UnusablePath(Exception):
    """A segment that no name of ours can be, and that an upstream might read as something else."""

    segment: str
    reason: str

    def __str__(self) -> str:
        return f"The path segment {self.segment[:80]!r} {self.reason}. Names are 1 to 128 printable characters without slash."


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    parameter: "_Node | None" = None
    operations: dict[str, Operation] = field(default_factory=dict)


class RouteTable:
    """The operations of a surface by path and method."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        for operation in operations:
            node = self._root
            for segment in operation.path.split("/")[1:]:
                node = _child(node, segment)
            node.operations[operation.method] = operation

    def at(self, segments: list[str]) -> dict[str, Operation]:
        """The operations of this path by method; empty where there are none. A literal goes before a parameter."""
        return _find(self._root, segments, 0)


def segments_of(raw_path: bytes) -> list[str]:
    """The decoded segments of a path as it was sent, without the query. Raises UnusablePath."""
    return [_decoded(segment) for segment in raw_path.split(b"/")[1:]]


def _decoded(raw: bytes) -> str:
    try:
        text = (unquote_to_bytes(raw) if b"%" in raw else raw).decode("utf-8")
    except UnicodeDecodeError:
        raise UnusablePath(raw.decode("latin-1"), "is not UTF-8") from None
    if "/" in text:
        raise UnusablePath(text, "has an encoded slash")
    if text in {".", ".."}:
        raise UnusablePath(text, "is a step in the path and not a name")
    return text


def _child(node: _Node, segment: str) -> _Node:
    if segment.startswith("{"):
        node.parameter = node.parameter or _Node()
        return node.parameter
    return node.literals.setdefault(segment, _Node())


def _find(node: _Node, segments: list[str], depth: int) -> dict[str, Operation]:
    if depth == len(segments):
        return node.operations
    segment = segments[depth]
    literal = node.literals.get(segment)
    if literal is not None and (found := _find(literal, segments, depth + 1)):
        return found
    if node.parameter is not None and segment:
        return _find(node.parameter, segments, depth + 1)
    return {}
