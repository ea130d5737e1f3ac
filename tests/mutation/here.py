"""Where the project is. On its own, because the hardening environment holds nothing of what the rest of the tests import."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = ROOT / "build" / "mutation"
