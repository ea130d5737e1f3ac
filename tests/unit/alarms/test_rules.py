"""The table of rules: which fact raises or clears which alarm, about what, in which words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.alarms.app import shipped_catalogue
from services.alarms.consumers import BY_RULE
from services.alarms.domain.catalogue import SYSLOG_LEVELS, AlarmName
from services.alarms.domain.rules import RULES, request_failed
from services.alarms.domain.signals import Clear, Raise, microseconds, time_of
from shared.contracts.base import Event
from shared.contracts.bodies.alarms import AlarmNameWord
from shared.contracts.events import faults, ledger, licensefile

AT = datetime(2026, 3, 14, 9, 26, 53, 589, tzinfo=UTC)
LATER = AT + timedelta(seconds=90)
POOL: dict[str, Any] = {"cluster": "headquarters", "feature": "PHONE_UNIT", "version": 7, "at": AT}
PHONES = "headquarters/PHONE_UNIT"
OVER = POOL | {"authorized": 5000, "overdraft_allowed": 250, "used": 5010}
STEP: dict[str, Any] = {"stage": "major", "since": AT, "allowance": 100, "stopped": False}
NEAR = POOL | {"authorized": 5000, "overdraft_allowed": 250, "used": 4925}
SWITCH: dict[str, Any] = {"cluster": "headquarters", "node": "cm1", "by": "alice", "at": AT, "version": 3}
FAULT: dict[str, Any] = {"at": AT, "operation": "PUT /v1/x", "correlation_id": "c0ffee", "error": "OSError"}
REASONS = [
    {"code": "signature_invalid", "line": 2, "text": "…"},
    {"code": "not_this_host", "text": "…"},
    {"code": "not_this_host", "text": "…"},
]
REFUSED: dict[str, Any] = {"cluster": "headquarters", "file_name": "a.lic", "refused_at": AT, "reasons": REASONS}
INSTALLED: dict[str, Any] = {
    "cluster": "headquarters",
    "license_file_id": "20260314092653589",
    "version": 1,
    "file_name": "a.lic",
    "mac": "0015C5F3A1B2",
    "installed_at": AT,
    "expires_at": None,
    "lines": [],
    "replaces": [],
}
TIME = microseconds(AT)
CASES: list[tuple[type[Event], dict[str, Any], type, AlarmName, str, str | None, int, str]] = [
    (
        *(ledger.OverdraftEntered, OVER, Raise, AlarmName.OVERDRAFT, PHONES, "headquarters", 7),
        "headquarters/PHONE_UNIT: 5 010 used of 5 000 authorized, 10 units of overdraft, 240 of 250 left",
    ),
    (
        *(ledger.OverdraftStageReached, OVER | STEP, Raise, AlarmName.OVERDRAFT, PHONES, "headquarters", 7),
        "headquarters/PHONE_UNIT: 5 010 used of 5 000 authorized, 10 units of overdraft, 240 of 250 left",
    ),
    (ledger.OverdraftLeft, OVER, Clear, AlarmName.OVERDRAFT, PHONES, None, 7, ""),
    (
        *(ledger.LimitApproached, NEAR, Raise, AlarmName.APPROACHING_LIMIT, PHONES, "headquarters", 7),
        "headquarters/PHONE_UNIT: 4 925 used of 5 000 authorized (98.5 %), 75 units left",
    ),
    (
        *(ledger.LicenseManagerStopped, SWITCH, Raise, AlarmName.MANAGER_DOWN, "headquarters", "headquarters", 3),
        "headquarters: the license manager was stopped on node cm1 by alice at 2026-03-14T09:26:53Z; "
        "nothing is checked out, checked in or changed, devices keep their units",
    ),
    (ledger.LicenseManagerStarted, SWITCH, Clear, AlarmName.MANAGER_DOWN, "headquarters", None, 3, ""),
    (ledger.LicenseManagerStarted, SWITCH | {"cluster": "ledger"}, Clear, AlarmName.MANAGER_DOWN, "ledger/license-manager", None, 3, ""),
    (ledger.LimitReceded, NEAR, Clear, AlarmName.APPROACHING_LIMIT, PHONES, None, 7, ""),
    (
        *(licensefile.LicenseFileRefused, REFUSED, Raise, AlarmName.FILE_ERROR, "headquarters", "headquarters", TIME),
        "headquarters: license file 'a.lic' was refused: signature_invalid (line 2), not_this_host",
    ),
    (licensefile.LicenseFileInstalled, INSTALLED, Clear, AlarmName.FILE_ERROR, "headquarters", None, TIME, ""),
]
for service, failed, recovered, broken in (
    ("ledger", faults.LedgerDataStoreFailed, faults.LedgerDataStoreRecovered, faults.LedgerInternalErrorOccurred),
    ("licensefile", faults.LicenseFileDataStoreFailed, faults.LicenseFileDataStoreRecovered, faults.LicenseFileInternalErrorOccurred),
):
    said = {"service": service}
    told = f"{service}: the data store failed in PUT /v1/x (OSError), correlation id c0ffee"
    back = said | {"at": LATER, "failed_at": AT}
    CASES += [
        (failed, said | FAULT, Raise, AlarmName.DATA_STORE_ERROR, service, None, TIME, told),
        (recovered, back, Clear, AlarmName.DATA_STORE_ERROR, service, None, microseconds(LATER), ""),
        (
            broken,
            said | FAULT,
            Raise,
            AlarmName.INTERNAL_ERROR,
            service,
            None,
            TIME,
            f"{service}: OSError in PUT /v1/x, correlation id c0ffee",
        ),
    ]


@pytest.mark.parametrize(
    ("fact", "members", "kind", "name", "subject", "cluster", "version", "reason"), CASES, ids=lambda v: getattr(v, "type", "")
)
def test_each_fact_raises_or_clears_its_alarm(
    fact: type[Event], members: dict[str, Any], kind: type, name: AlarmName, subject: str, cluster: str | None, version: int, reason: str
) -> None:
    signal = RULES[fact.type](fact.model_validate(members))
    assert signal is not None
    assert (type(signal), signal.name, signal.subject, signal.version) == (kind, name, subject, version)
    if isinstance(signal, Raise):
        assert (signal.cluster, signal.reason, signal.at) == (cluster, reason, AT)
        assert signal.advice.endswith(".")
        assert signal.stage == members.get("stage")
        assert signal.kept_when_late == (name is AlarmName.DATA_STORE_ERROR)


def test_every_rule_has_a_case_and_a_consumer() -> None:
    assert set(RULES) == {fact.type for fact in BY_RULE} == {case[0].type for case in CASES}


@pytest.mark.parametrize(
    ("numbers", "smallest", "reason", "advice"),
    [
        (
            {"authorized": 10, "overdraft_allowed": 5, "used": 14},
            4,
            "the smallest for 4 units; 1 free: 14 used of 10 authorized and 5 of overdraft allowed",
            "Ways out: order at least 3 units, or give back as many.",
        ),
        (
            {"authorized": 1, "overdraft_allowed": 0, "used": 3, "feature": "CCM_NODE"},
            1,
            "the smallest for 1 node; 0 free: 3 used of 1 authorized and 0 of overdraft allowed",
            "Ways out: order at least 3 nodes, or give back as many.",
        ),
    ],
)
def test_a_failed_request_says_what_is_missing_and_the_ways_out(numbers: dict[str, Any], smallest: int, reason: str, advice: str) -> None:
    event = ledger.LimitReceded.model_validate(POOL | numbers)
    signal = request_failed(event, smallest)
    assert (signal.name, signal.subject, signal.advice) == (AlarmName.REQUEST_FAILED, event.subject, advice)
    assert signal.reason == f"{event.subject}: requests were refused, {reason}"


def test_a_reason_stays_readable_however_much_is_wrong() -> None:
    many = [{"code": "syntax", "line": line, "text": "…"} for line in range(1, 101)]
    event = licensefile.LicenseFileRefused.model_validate(REFUSED | {"file_name": "x" * 300, "reasons": many})
    signal = RULES[event.type](event)
    assert isinstance(signal, Raise)
    assert signal.reason.endswith("syntax (line 10) and 90 more")
    assert len(signal.reason) < 500
    nothing_bought = ledger.LimitApproached.model_validate(POOL | {"authorized": 0, "overdraft_allowed": 0, "used": 0})
    said = RULES[nothing_bought.type](nothing_bought)
    assert isinstance(said, Raise)
    assert "(all)" in said.reason


def test_a_recovery_is_never_older_than_its_failure() -> None:
    turned_back = faults.LedgerDataStoreRecovered(service="ledger", at=AT, failed_at=LATER)
    signal = RULES[turned_back.type](turned_back)
    assert signal is not None
    assert signal.version == microseconds(LATER)


def test_a_time_is_a_version_to_the_microsecond() -> None:
    assert time_of(microseconds(AT)) == AT
    assert microseconds(AT + timedelta(microseconds=1)) == microseconds(AT) + 1


def test_the_catalogue_explains_the_seven_alarms_with_syslogs_severities() -> None:
    catalogue = shipped_catalogue()
    assert {name.value for name in catalogue} == set(AlarmNameWord.__args__)  # type: ignore[attr-defined]
    assert all(SYSLOG_LEVELS[kind.severity] == kind.level for kind in catalogue.values())
    graver = {name for name, kind in catalogue.items() if kind.level == 1}
    assert graver == {AlarmName.OVERDRAFT, AlarmName.APPROACHING_LIMIT}
    assert {kind.level for kind in catalogue.values()} == {1, 3}
