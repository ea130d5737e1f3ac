"""The verbs that every service has: ``migrate`` brings its schema to this release, ``openapi`` prints its contract."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import FastAPI
from pydantic import SecretStr, ValidationError

from shared.kit.bus import Bus
from shared.kit.clock import Clock, SystemClock
from shared.kit.memory_bus import MemoryBus
from shared.kit.metrics import Metrics
from shared.kit.migrations import migrate
from shared.kit.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)
Create = Callable[[S, Bus, Clock, Metrics], FastAPI]
NO_DATABASE = SecretStr("postgresql+asyncpg://nowhere/none")


def built(create: Create[S], settings: S) -> FastAPI:
    """The service as an object, not started: nothing is connected, read or written."""
    return create(settings, MemoryBus(), SystemClock(), Metrics())


def contract_of(create: Create[S], settings: Callable[..., S]) -> dict[str, Any]:
    """A service's OpenAPI document; needs neither a database nor an environment."""
    return built(create, settings(database_url=NO_DATABASE)).openapi()


def written(document: object) -> str:
    """JSON as contracts are committed: the same bytes for the same content, a line for each member."""
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main(create: Create[S], settings: Callable[..., S], arguments: Sequence[str] | None = None) -> None:
    """Run one verb and end the process where it failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=("migrate", "openapi"))
    if parser.parse_args(arguments).verb == "openapi":
        sys.stdout.write(written(contract_of(create, settings)))
        return
    try:
        given = settings()
    except ValidationError as error:
        missing = ", ".join(f"LICENSING_{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in error.errors())
        sys.exit(f"The settings are not usable: {missing}")
    plan = built(create, given).state.kit.plan
    revision = asyncio.run(migrate(given.database_url.get_secret_value(), plan.service, plan.migrations))
    sys.stdout.write(f"{plan.service}: the schema is at {revision}\n")
