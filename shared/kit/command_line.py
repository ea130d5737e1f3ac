"""The verbs that every service has: ``serve`` runs it, ``migrate`` brings its schema to this release, ``openapi`` prints its contract."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import FastAPI
from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsError

from shared.kit.bus import Bus
from shared.kit.clock import Clock, SystemClock
from shared.kit.life import CannotStart
from shared.kit.memory_bus import MemoryBus
from shared.kit.metrics import Metrics
from shared.kit.migrations import migrate
from shared.kit.settings import BrokerSettings, ProcessSettings, ServiceSettings, what_is_wrong
from shared.kit.store_faults import is_store_failure

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


@dataclass(frozen=True)
class Served(Generic[S]):
    """How a service is run as a process: its application, where it listens, and whether it needs the broker."""

    create: Create[S]
    process: type[ProcessSettings] = ProcessSettings
    broker: bool = True


def main(create: Create[S], settings: Callable[..., S], arguments: Sequence[str] | None = None, *, served: Served[S] | None = None) -> None:
    """Run one verb and end the process where it failed. ``served``: what ``serve`` runs, by default what ``create`` makes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=("serve", "migrate", "openapi"))
    verb = parser.parse_args(arguments).verb
    if verb == "openapi":
        sys.stdout.write(written(contract_of(create, settings)))
        return
    try:
        given = settings()
        if verb == "serve":
            _serve(served or Served(create), given)
            return
    except CannotStart as error:
        sys.exit(f"Cannot start: {error}")
    except (ValidationError, SettingsError) as error:
        sys.exit(f"The settings are not usable: {what_is_wrong(error)}")
    plan = built(create, given).state.kit.plan
    try:
        revision = asyncio.run(migrate(given.database_url.get_secret_value(), plan.service, plan.migrations))
    except CannotStart as error:
        sys.exit(f"Cannot migrate: {error}")
    except Exception as error:
        if not is_store_failure(error):
            raise
        sys.exit(f"The data store at LICENSING_DATABASE_URL does not answer: {error}")
    sys.stdout.write(f"{plan.service}: the schema is at {revision}\n")


def _serve(served: Served[S], given: S) -> None:
    # Here, because the server is nothing that the other verbs need.
    from shared.kit.serving import serve

    broker = BrokerSettings() if served.broker else None
    serve(lambda bus, clock, metrics: served.create(given, bus, clock, metrics), served.process(), broker)
