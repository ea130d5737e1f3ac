"""What is shipped for Prometheus and Grafana, read: rules, their tests, the dashboard's queries, and the metrics that they name."""

import json
import re
from typing import Any

import yaml

from tests.house import ROOT

RULES = ROOT / "deploy" / "prometheus" / "rules"
RULE_TESTS = ROOT / "deploy" / "prometheus" / "tests"
DASHBOARDS = ROOT / "deploy" / "grafana" / "dashboards"
Rule = dict[str, Any]


def rules() -> list[Rule]:
    """Every rule of every group."""
    files = [yaml.safe_load(path.read_text("utf-8")) for path in sorted(RULES.glob("*.yml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def alerts() -> list[Rule]:
    return [rule for rule in rules() if "alert" in rule]


def dashboard_queries() -> list[tuple[str, str]]:
    """Title of the panel and expression, as Grafana sends it for all clusters and some minutes."""
    shown = [json.loads(path.read_text("utf-8")) for path in sorted(DASHBOARDS.glob("*.json"))]
    queries = [(panel["title"], target["expr"]) for board in shown for panel in board["panels"] for target in panel.get("targets", [])]
    for variable, value in (("$__rate_interval", "1m"), ("$__range", "10m"), ("$cluster", ".*")):
        queries = [(title, expression.replace(variable, value)) for title, expression in queries]
    assert not [expression for _, expression in queries if "$" in expression], "a variable that nobody sets"
    return queries


def metrics_in(expression: str) -> set[str]:
    """The names of our series in an expression, recorded ones too."""
    without_words = re.sub(r'"[^"]*"', '""', expression)
    return set(re.findall(r"\b(?:\w+:)?license_\w+(?::\w+)?", without_words))
