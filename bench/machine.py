"""On what it was measured: a figure without its machine says nothing."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

from tests.faults.production import Production

_LIBRARIES = ("fastapi", "uvicorn", "uvloop", "aiohttp", "aio-pika", "asyncpg", "sqlalchemy")


def _first(path: str, beginning: str) -> str:
    lines = Path(path).read_text().splitlines() if Path(path).exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(beginning)), "unknown")


async def machine_of(made: Production) -> dict[str, object]:
    """Cores, memory and versions."""
    (server,) = await made.ask("SHOW server_version")
    (fsync,) = await made.ask("SHOW fsync")
    return {
        "cores": os.cpu_count(),
        "processor": _first("/proc/cpuinfo", "model name"),
        "memory": _first("/proc/meminfo", "MemTotal"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "postgresql": server[0],
        "fsync": fsync[0],
        "rabbitmq": (await made.broker.control("version")).strip(),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }
