"""The license manager as a network service: what switches it, and what a device may do while it is stopped."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ledger.domain.desk import Desk, Holding, Price, Provisioning
from services.ledger.domain.devices import CheckIn, CheckOut, Command, Counter, Lapse, Outcome
from services.ledger.domain.leases import LeaseClock
from services.ledger.domain.network_service import (
    LicenseManagerElsewhere,
    LicenseManagerStopped,
    NetworkService,
    Stop,
    Switch,
    check_holder,
    check_started,
    content_of,
    service_of,
    stop_of,
    switched,
)
from services.ledger.domain.pool import PHONE_UNIT, Pool

AT = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
STOPPED = NetworkService(1, stopped=True, since=AT, by="alice", node="cm1")
STOP = Stop("hq", "cm1", "alice", AT)


@given(st.lists(st.sampled_from(("start", "stop", "restart")), max_size=12))
def test_it_is_as_it_was_switched_last_and_counts_only_what_changed_it(switches: list[Switch]) -> None:
    service, counted = NetworkService(), 0
    for number, switch in enumerate(switches):
        at = AT + timedelta(seconds=number)
        before, service = service, switched(service, switch, at, f"caller-{number}", "cm1")
        assert service.stopped == (switch == "stop")
        changed = switch == "restart" or before.stopped != service.stopped
        counted += changed
        assert service == (NetworkService(counted, service.stopped, at, f"caller-{number}", "cm1") if changed else before)
        assert (switch != "restart" and before.version == 0 and not service.stopped) or service_of(content_of(service)) == service


def test_the_holder_is_switched_and_where_there_is_none_any_node() -> None:
    check_holder("hq", "cm1", "cm1")
    check_holder("hq", "cm2", None)
    with pytest.raises(LicenseManagerElsewhere) as elsewhere:
        check_holder("hq", "cm2", "cm1")
    assert str(elsewhere.value) == (
        "Node 'cm2' does not hold the license manager role of 'hq', node 'cm1' does. Nothing was changed; start, stop or restart the "
        "service on 'cm1'."
    )


def test_a_refusal_names_who_stopped_it_since_when_and_where_to_start_it() -> None:
    check_started(stop_of(NetworkService(), "hq", "cm1"))
    with pytest.raises(LicenseManagerStopped) as stopped:
        check_started(stop_of(STOPPED, "hq", "cm1"))
    assert str(stopped.value) == (
        "The license manager of 'hq' was stopped by 'alice' at 2026-03-14T09:26:53Z. Until it is started nothing is checked out, checked "
        "in or changed; devices keep the units that they hold. Start the service license-manager on node 'cm1', then try again."
    )
    with pytest.raises(LicenseManagerStopped, match="on any of its nodes, for none holds the role now"):
        check_started(stop_of(STOPPED, "hq", None))


def counter(stop: Stop | None) -> Counter:
    """Two devices with an adjunct, one of them priced otherwise by now, one lapsed; and much room."""
    holdings = {
        "old": Holding("old", "dear", 4),
        "desk": Holding("desk", "phone", 5),
        "soft": Holding("soft", "soft", 1, adjunct_of="desk"),
        "left": Holding("left", "phone", 5, lease_seconds=60, lapsed=True),
        "last": Holding("last", "gone-from-the-catalogue", 2),
    }
    prices = {"phone": Price(5, None), "dear": Price(7, None), "soft": Price(3, 1)}
    return Counter(Desk(Pool(PHONE_UNIT, 100, 0, 17), holdings, prices, Provisioning(5, 0, stop=stop)))


@pytest.mark.parametrize(
    ("command", "outcome"),
    [
        (CheckOut("desk", "phone"), "unchanged"),
        (CheckOut("desk", "phone", lease_seconds=60), "unchanged"),
        (CheckOut("soft", "soft", "desk"), "unchanged"),
        (CheckOut("old", "dear"), "unchanged"),
        (CheckOut("last", "gone-from-the-catalogue"), "unchanged"),
        (CheckIn("nobody"), "gone"),
        (Lapse("left"), "unchanged"),
        (Lapse("nobody"), "gone"),
    ],
    ids=str,
)
def test_who_changes_nothing_goes_on_while_it_is_stopped(command: Command, outcome: Outcome) -> None:
    stopped = counter(STOP)
    assert stopped.do(command).outcome == outcome
    assert stopped.pool == counter(None).pool
    assert {name: holding.units for name, holding in stopped.holdings.items()} == {
        name: holding.units for name, holding in counter(None).holdings.items()
    }


@pytest.mark.parametrize(
    "command",
    [
        CheckOut("new", "phone"),
        CheckOut("new", "not-in-the-catalogue"),
        CheckOut("new", "soft", "desk"),
        CheckOut("desk", "dear"),
        CheckOut("soft", "soft"),
        CheckOut("desk", "phone", device_class="emergency"),
        CheckIn("desk"),
        CheckIn("left"),
    ],
    ids=str,
)
def test_every_change_is_refused_while_it_is_stopped_before_anything_else_is_asked(command: Command) -> None:
    stopped = counter(STOP)
    with pytest.raises(LicenseManagerStopped):
        stopped.do(command)
    assert (stopped.pool, stopped.holdings) == (counter(None).pool, counter(None).holdings)


@pytest.mark.parametrize(
    ("service", "ends"),
    [
        (NetworkService(), AT + timedelta(minutes=1)),
        (STOPPED, None),
        (NetworkService(2, stopped=False, since=LATER, by="bob", node="cm1"), LATER + timedelta(minutes=1)),
    ],
    ids=["never-switched", "stopped", "started-again"],
)
def test_a_lease_stands_still_while_it_is_stopped_and_begins_anew_with_the_start(service: NetworkService, ends: datetime | None) -> None:
    clock = LeaseClock(LATER, AT - timedelta(days=1)).of_cluster(service)
    assert clock.end_of(AT + timedelta(minutes=1), 60) == ends
    assert clock.end_of(None, None) is None


def test_what_was_never_switched_was_switched_by_nobody() -> None:
    for wrong in ({"version": 1}, {"stopped": True}, {"since": AT, "by": "alice", "node": "cm1"}, {"by": "alice"}):
        with pytest.raises(AssertionError):
            NetworkService(**wrong)
