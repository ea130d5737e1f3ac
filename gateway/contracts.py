"""Writes the published contracts: ``python -m gateway.contracts``; with ``--check`` it says which differ and ends with 1.

Each service's OpenAPI as its code has it, the surface composed of all of them, the schema of every event, a sample of each event version,
and an AsyncAPI document over all events. The schemas follow the code; a sample that is there is never touched: what was once published
must stay readable.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI

from gateway.app import create_app
from gateway.asyncapi import asyncapi_of
from gateway.event_samples import envelope_schema_of, event_types, sample_of
from gateway.published import EVENTS, FOLDER, contract_file
from gateway.settings import GatewaySettings
from gateway.surface import Document
from services.alarms.app import create_app as create_alarms
from services.alarms.settings import AlarmsSettings
from services.calculator.app import create_app as create_calculator
from services.calculator.settings import CalculatorSettings
from services.ledger.app import create_app as create_ledger
from services.ledger.settings import LedgerSettings
from services.licensefile.app import create_app as create_licensefile
from services.licensefile.settings import LicenseFileSettings
from services.registration.app import create_app as create_registration
from services.registration.settings import RegistrationSettings
from shared.kit.bus import Bus
from shared.kit.clock import Clock
from shared.kit.command_line import contract_of, written
from shared.kit.metrics import Metrics


def service_contracts() -> dict[str, Document]:
    """The OpenAPI documents of the services behind the gateway, as their code has them."""
    return {
        "alarms": contract_of(create_alarms, AlarmsSettings),
        "calculator": contract_of(create_calculator, CalculatorSettings),
        "ledger": contract_of(create_ledger, LedgerSettings),
        "licensefile": contract_of(create_licensefile, LicenseFileSettings),
        "registration": contract_of(create_registration, RegistrationSettings),
    }


def surface_of(contracts: dict[str, Document]) -> Document:
    """What a gateway over these services publishes. Raises SurfaceClash."""

    def create(settings: GatewaySettings, bus: Bus, clock: Clock, metrics: Metrics) -> FastAPI:
        return create_app(settings, bus, clock, metrics, upstreams={}, contracts=contracts)

    return contract_of(create, GatewaySettings)


def all_files() -> dict[Path, str]:
    """Every published file and its content."""
    contracts = service_contracts()
    files = {contract_file(name): written(document) for name, document in contracts.items()}
    files[contract_file("gateway")] = written(surface_of(contracts))
    for name, kind in event_types().items():
        files[EVENTS / f"{name}.schema.json"] = written(envelope_schema_of(kind))
        sample = EVENTS / f"{name}.sample.json"
        files[sample] = sample.read_text("utf-8") if sample.exists() else written(sample_of(kind))
    files[FOLDER / "asyncapi.json"] = written(asyncapi_of(event_types()))
    return files


def differences() -> dict[Path, str]:
    """The files whose committed content is not the code's, or that nothing publishes any more; the latter without content."""
    wanted = all_files()
    differing = {path: text for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text}
    # The sample of a version that is no longer published stays: readers must still understand it.
    stale = [path for path in FOLDER.rglob("*.json") if path not in wanted and not path.name.endswith(".sample.json")]
    return {**differing, **dict.fromkeys(stale, "")}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Write the published contracts.")
    parser.add_argument("--check", action="store_true", help="change nothing; end with 1 where a file differs from the code")
    checking = parser.parse_args(arguments).check
    found = differences()
    for path, text in found.items():
        name = path.relative_to(FOLDER)
        if checking:
            print(f"differs: {name}", file=sys.stderr)
        elif text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            print(f"written: {name}")
        else:
            path.unlink()
            print(f"removed: {name}")
    if checking and found:
        sys.exit(f"{len(found)} published contracts are not those of the code. Run `make contracts` and commit what it wrote.")


if __name__ == "__main__":
    main()
