"""The rules of Prometheus: legal, each tried both ways, in the catalogue's words, and explained to whoever is woken by them."""

import re
import subprocess
from collections.abc import Iterable
from typing import Any

import pytest
import yaml

from services.alarms.domain.catalogue import SYSLOG_LEVELS, read_catalogue
from tests import watching
from tests.compose import read_compose
from tests.house import ROOT
from tests.prometheus import SHIPPED, debians

CATALOGUE = read_catalogue((ROOT / "services/alarms/data/alarms.csv").read_text("utf-8"))
COMPOSE = read_compose()
RULE_TESTS = sorted(watching.RULE_TESTS.glob("*.yml"))
RULE_FILES = sorted(watching.RULES.glob("*.yml"))


def promtool(*words: object) -> str:
    done = subprocess.run([debians("promtool"), *map(str, words)], cwd=SHIPPED, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_configuration_and_the_rules_are_legal() -> None:
    assert "valid prometheus config" in promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", "--lint-fatal", *RULE_FILES)


def test_every_rule_does_what_its_tests_say() -> None:
    assert promtool("test", "rules", *RULE_TESTS).count("SUCCESS") == len(RULE_TESTS) == len(RULE_FILES)


def expectations() -> Iterable[dict[str, Any]]:
    for path in RULE_TESTS:
        for group in yaml.safe_load(path.read_text("utf-8"))["tests"]:
            yield from group["alert_rule_test"]


def test_every_alert_is_seen_firing_and_seen_silent() -> None:
    wanted = {alert["alert"] for alert in watching.alerts()}
    assert {each["alertname"] for each in expectations() if each["exp_alerts"]} == wanted, "never seen firing"
    assert {each["alertname"] for each in expectations() if not each["exp_alerts"]} == wanted, "never seen silent"


def test_every_form_of_an_alert_is_seen_firing() -> None:
    """Two rules may bear one name; each has its labels."""
    seen = [(each["alertname"], one["exp_labels"]) for each in expectations() for one in each["exp_alerts"]]
    faults = [
        alert for alert in watching.alerts() if not any(n == alert["alert"] and alert["labels"].items() <= of.items() for n, of in seen)
    ]
    assert not faults


def test_the_seven_alarms_are_alerts_in_the_catalogues_words() -> None:
    by_name = {alert["alert"]: alert for alert in watching.alerts() if not alert["alert"].startswith("License")}
    assert by_name.keys() == {name.value for name in CATALOGUE}
    for alert in watching.alerts():
        if kind := next((kind for name, kind in CATALOGUE.items() if name == alert["alert"]), None):
            assert alert["labels"]["severity"] == kind.severity
            assert alert["annotations"]["what_to_do"].startswith(kind.recommended_action), alert["alert"]


@pytest.mark.parametrize("alert", watching.alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_says_what_is_the_matter_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in SYSLOG_LEVELS
    assert alert["annotations"].keys() == {"summary", "description", "what_to_do", "runbook"}
    page, _, anchor = alert["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    assert anchor == alert["alert"].lower()
    assert alert["alert"] in headings, f"{page} has no paragraph for it"


def jobs() -> dict[str, dict[str, Any]]:
    return {job["job_name"]: job for job in yaml.safe_load((SHIPPED / "prometheus.yml").read_text("utf-8"))["scrape_configs"]}


def test_every_service_of_the_customers_side_is_a_job() -> None:
    serving = {service.name for service in COMPOSE.of("customer") if service.command[-1:] == ["serve"]}
    assert jobs().keys() == serving | {"rabbitmq", "prometheus"}


def test_every_target_is_a_service_that_prometheus_can_reach() -> None:
    """By one network only: a name that is known in two may be looked up in the other, whose addresses the gateway does not know."""
    ports = {service.name: service.environment.get("LICENSING_PORT", "15692") for service in COMPOSE.of("customer")}
    assert "rabbitmq_prometheus" in (ROOT / "deploy/rabbitmq/enabled_plugins").read_text("utf-8")
    for name, job in jobs().items():
        for found in job.get("dns_sd_configs", ()):
            assert (found["names"], found["type"], str(found["port"])) == ([name], "A", ports[name])
            assert len(COMPOSE.services[name].networks & COMPOSE.services["prometheus"].networks) == 1, name


def test_what_is_shipped_is_mounted_where_it_is_looked_for() -> None:
    mounts = {mount.source: mount.target for name in ("prometheus", "grafana") for mount in COMPOSE.services[name].mounts}
    assert mounts["./deploy/prometheus/rules"] == mounts["./deploy/prometheus/prometheus.yml"].parent / "rules"
    provider = yaml.safe_load((watching.DASHBOARDS / "dashboards.yml").read_text("utf-8"))["providers"][0]
    assert provider["options"]["path"] == str(mounts["./deploy/grafana"] / "dashboards")


def test_whoever_is_away_is_told_of_by_absence() -> None:
    """A stopped service has no target any more: no rule may wait for an ``up`` of 0 to tell of it."""
    asked = " ".join(alert["expr"] for alert in watching.alerts())
    by_absence = set(re.findall(r'absent\(up\{job="(\w+)"\} == 1\)', asked)) | set(
        re.findall(r'label_replace\(vector\(1\), "job", "(\w+)"', asked)
    )
    assert by_absence == jobs().keys() - {"prometheus"}


def test_what_every_replica_reads_from_one_store_is_never_added_up() -> None:
    shared = r"license_(units|file|alarms|dead_letter|outbox)\w*"
    expressions = [rule["expr"] for rule in watching.rules()] + [expression for _, expression in watching.dashboard_queries()]
    faults = [each for each in expressions if re.search(rf"sum( by \([^)]*\))? ?\((rate\(|increase\()?{shared}", each)]
    assert not faults
