"""Mutants that may survive: a part of the line before and after, and why no test can or should notice."""

from collections.abc import Mapping
from typing import Final

ACCEPTED: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {}
