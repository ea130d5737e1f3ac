"""On what it was measured: a figure without its machine says nothing."""

import os
import platform
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

Ask = Callable[[str], Awaitable[list[Any]]]
_LIBRARIES = ("fastapi", "uvicorn", "uvloop", "aiohttp", "aio-pika", "asyncpg", "sqlalchemy")


def _first(path: str, beginning: str) -> str:
    lines = Path(path).read_text().splitlines() if Path(path).exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(beginning)), "unknown")


async def machine_of(ask: Ask) -> dict[str, object]:
    """Cores, memory and versions. ``ask``: of the database that is measured."""
    (server,) = await ask("SHOW server_version")
    (fsync,) = await ask("SHOW fsync")
    (commit,) = await ask("SHOW synchronous_commit")
    return {
        "cores": os.cpu_count(),
        "shared_by": "what is measured, its database and the load generator run on the same cores",
        "processor": _first("/proc/cpuinfo", "model name"),
        "memory": _first("/proc/meminfo", "MemTotal"),
        "system": platform.platform(),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "postgresql": server[0],
        "fsync": fsync[0],
        "synchronous_commit": commit[0],
        "libraries": {name: version(name) for name in _LIBRARIES},
    }
