"""Who must hear what, as it is written down, is what the services really consume."""

import pytest

from gateway.event_samples import event_types
from gateway.published import published_contracts
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
from shared.contracts.readers import READERS, SECONDS_TO_LIVE, URGENT, types_read_by
from shared.kit.command_line import NO_DATABASE, built
from shared.kit.topology import Binding, dead_queue, queues_read_by, topology_of, whole_topology
from tests.service.kit.toy import kit_of

CONSUMED = {
    "alarms": kit_of(built(create_alarms, AlarmsSettings(database_url=NO_DATABASE))).plan.consumers,
    "calculator": kit_of(built(create_calculator, CalculatorSettings(database_url=NO_DATABASE))).plan.consumers,
    "ledger": kit_of(built(create_ledger, LedgerSettings(database_url=NO_DATABASE))).plan.consumers,
    "licensefile": kit_of(built(create_licensefile, LicenseFileSettings(database_url=NO_DATABASE))).plan.consumers,
    "registration": kit_of(built(create_registration, RegistrationSettings(database_url=NO_DATABASE))).plan.consumers,
}
"""The consumers that each service is built with."""


def test_no_service_is_missing_here() -> None:
    assert set(CONSUMED) == set(published_contracts())


@pytest.mark.parametrize("service", CONSUMED)
def test_what_is_written_down_is_what_the_service_consumes(service: str) -> None:
    assert types_read_by(service) == CONSUMED[service].types


def test_only_types_that_somebody_publishes_are_read_and_what_is_urgent_has_a_reader() -> None:
    assert set(READERS) <= set(event_types())
    assert set(READERS) >= URGENT
    assert set(SECONDS_TO_LIVE) <= URGENT


def test_the_whole_topology_gives_every_reader_what_it_must_hear_and_nothing_else() -> None:
    whole = whole_topology()
    names = [queue.name for queue in whole.queues]
    assert len(names) == len(set(names))
    assert {binding.queue for binding in whole.bindings} <= set(names)
    given = {(binding.queue.split(".")[0], binding.routing_key) for binding in whole.bindings}
    assert given == {(reader, type_) for type_, readers in READERS.items() for reader in readers}


def test_what_is_urgent_waits_behind_nothing_else() -> None:
    types = {"ledger.pool-changed.v1", "ledger.heart-beaten.v1"}
    part = topology_of("alarms", types)
    assert queues_read_by("alarms", types) == ("alarms", "alarms.urgent")
    assert set(part.bindings) == {Binding("alarms", "ledger.pool-changed.v1"), Binding("alarms.urgent", "ledger.heart-beaten.v1")}
    assert [queue.name for queue in topology_of("ledger", {"ledger.pool-changed.v1"}).queues] == ["ledger.dead", "ledger"]


def test_dead_letters_are_declared_before_the_queue_that_sends_them_there() -> None:
    first, facts, *_ = topology_of("alarms", {"ledger.pool-changed.v1"}).queues
    assert (first.name, facts.arguments["x-dead-letter-routing-key"]) == (dead_queue("alarms"), dead_queue("alarms"))
