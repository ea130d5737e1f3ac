"""docker-compose.yml keeps its promises. No container engine is needed: what is promised can be read."""

import importlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from shared.kit.settings import BrokerSettings, ProcessSettings, ServiceSettings
from tests.compose import NAME, Service, read_compose, variables_of
from tests.house import ROOT

COMPOSE = read_compose()
SERVICES = list(COMPOSE.services.values())
every_service = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
every_process = pytest.mark.parametrize(
    "service", [s for s in SERVICES if s.is_ours and s.command[-1] == "serve"], ids=lambda service: service.name
)
_ADDRESSED = re.compile(r"http://([\w-]+):(\d+)")


def test_only_the_gateways_and_the_watching_pages_are_published_and_on_this_machine_alone() -> None:
    published = {service.name: service.raw["ports"] for service in SERVICES if "ports" in service.raw}
    assert published == {
        "gateway": ["127.0.0.1:8080:8080"],
        "vendor-gateway": ["127.0.0.1:8081:8080"],
        "prometheus": ["127.0.0.1:9090:9090"],
        "grafana": ["127.0.0.1:3000:3000"],
    }


@every_service
def test_a_container_may_do_nothing_that_it_need_not(service: Service) -> None:
    raw = service.raw
    user, group = raw["user"].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert raw["read_only"] is True
    assert raw["cap_drop"] == ["ALL"]
    assert raw["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices", "container_name"} & raw.keys()
    assert {"mem_limit", "cpus", "pids_limit", "logging"} <= raw.keys()
    assert {"max-size", "max-file"} <= raw["logging"]["options"].keys()


@every_service
def test_an_image_is_named_exactly(service: Service) -> None:
    name, _, tag = service.raw["image"].partition(":")
    assert (name, tag) == ("callmanager-licensing", "local") or re.match(r"v?\d+\.\d+\.\d+|\d+\.\d+-", tag), service.raw["image"]


@pytest.mark.parametrize(("side", "builder"), [("customer", "migrate"), ("vendor", "registration")])
def test_the_image_is_built_once_for_each_side_and_never_looked_for_elsewhere(side: str, builder: str) -> None:
    """On the vendor's side where a restore begins; see deploy/side.sh."""
    ours = [service for service in COMPOSE.of(side) if service.is_ours]
    assert [service.name for service in ours if "build" in service.raw] == [builder]
    assert {service.raw["pull_policy"] for service in ours} == {"never"}


def test_what_is_mounted_can_be_read_in_a_container_whatever_the_umask_was(tmp_path: Path) -> None:
    """No container runs as the account that cloned this, nor as root."""
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    shutil.copy(ROOT / "Makefile", tmp_path)
    subprocess.run(["chmod", "-R", "go-rwx", "deploy"], cwd=tmp_path, check=True)
    subprocess.run(["make", "--old-file=secrets", "up", "COMPOSE=true"], cwd=tmp_path, check=True)
    mounted = {tmp_path / mount.source for service in SERVICES for mount in service.mounts if mount.source.startswith("./deploy/")}
    within = [path for each in mounted for path in (each, *each.rglob("*"))]
    assert len(within) > len(mounted) > 3
    needed = {path: 0o005 if path.is_dir() or path.suffix == ".sh" else 0o004 for path in within}
    assert not [path for path, bits in needed.items() if path.stat().st_mode & bits != bits]


@pytest.mark.parametrize("name", ["postgres", "vendor-postgres"])
def test_the_roles_of_a_running_database_are_those_of_this_release(name: str) -> None:
    """A file that is mounted alone stays the one it was when the container was made, whatever replaces it."""
    (mount,) = [each for each in COMPOSE.services[name].mounts if each.source.startswith(".")]
    assert str(mount.target) == "/docker-entrypoint-initdb.d"
    assert [path.name for path in (ROOT / mount.source).iterdir()] == ["roles.sh"]


@pytest.mark.parametrize("name", ["rabbitmq", "vendor-rabbitmq"])
def test_what_the_broker_keeps_in_memory_fits_below_its_watermark(name: str) -> None:
    """RabbitMQ wants room for its log three times; a publisher that must wait could never fill the log, and only a full one is let go."""
    settings = dict(re.findall(r"^(\S+) = (\S+)$", (ROOT / "deploy/rabbitmq/rabbitmq.conf").read_text(), re.MULTILINE))
    megabytes = int(COMPOSE.services[name].raw["mem_limit"].removesuffix("m")) * float(settings["vm_memory_high_watermark.relative"])
    assert 3 * int(settings["raft.wal_max_size_bytes"]) < megabytes * 2**20
    assert COMPOSE.services[name].raw["ulimits"]["nofile"] <= 65536


@every_service
def test_what_stays_up_is_looked_at_and_what_runs_once_is_not_repeated(service: Service) -> None:
    assert service.is_one_shot or service.raw["healthcheck"]["test"]
    assert service.raw["restart"] == ("no" if service.is_one_shot else "unless-stopped")


@every_service
def test_a_container_waits_for_what_it_needs(service: Service) -> None:
    for name, condition in service.depends_on.items():
        needed = COMPOSE.services[name]
        assert condition == ("service_completed_successfully" if needed.is_one_shot else "service_healthy")
        assert needed.side == service.side


@every_process
def test_a_process_is_stopped_only_after_it_had_time_to_drain(service: Service) -> None:
    assert service.raw["init"] is True, "the first process of a container ignores SIGTERM until it has a handler"
    longest_answer = ServiceSettings.model_fields["statement_timeout_ms"].default / 1000
    seconds = int(service.raw["stop_grace_period"].removesuffix("s"))
    assert seconds >= float(service.environment["LICENSING_DRAIN_SECONDS"]) + 2 * longest_answer


@every_process
def test_a_process_gets_its_passwords_as_files_and_changes_nothing_on_the_broker(service: Service) -> None:
    assert not [value for value in service.environment.values() if "@" in value]
    secrets = {target.name for target in service.secrets}
    assert "licensing_database_url" in secrets
    assert ("licensing_amqp_url" in secrets) == (service.environment.get("LICENSING_DECLARE_TOPOLOGY") == "false")


@every_process
def test_what_a_process_is_given_is_a_setting_that_it_reads(service: Service) -> None:
    module = importlib.import_module(f"{service.command[-2]}.settings")
    own = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, ServiceSettings)]
    read: list[type[BaseSettings]] = [*own, ProcessSettings, BrokerSettings]
    known = {f"LICENSING_{name.upper()}" for each in read for name in each.model_fields}
    files = {target.name.upper() for target in service.secrets if target.name.startswith("licensing_")}
    assert (service.environment.keys() | files) - known == set()


@every_process
def test_whom_a_process_asks_is_reached_over_one_network(service: Service) -> None:
    """A name has an address on each network that is shared, and every address counts as a replica."""
    for name, port in [found.groups() for value in service.environment.values() for found in _ADDRESSED.finditer(value)]:
        asked = COMPOSE.services[name]
        assert asked.side == service.side
        assert asked.environment["LICENSING_PORT"] == port
        shared = service.networks & asked.networks
        assert len(shared) == 1 if service.command[-2] == "gateway" else shared


def test_prometheus_sees_every_replica_once() -> None:
    prometheus = COMPOSE.services["prometheus"]
    names = re.findall(r"names: \[(\w+)\]", (ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert {"ledger", "licensefile", "calculator", "alarms", "gateway", "rabbitmq"} <= set(names)
    assert {name: len(prometheus.networks & COMPOSE.services[name].networks) for name in names} == dict.fromkeys(names, 1)


def test_nothing_of_the_vendor_is_known_to_the_customers_side() -> None:
    for service in COMPOSE.of("customer"):
        assert not [name for name in service.secrets.values() if name.startswith("vendor")]
        assert not [name for name in service.networks if name.startswith("vendor")]
        assert not [mount for mount in service.mounts if "vendor" in mount.source]
        assert not [value for value in service.environment.values() if "vendor" in value or "SIGNING" in value]
    for service in COMPOSE.of("vendor"):
        assert all(name.startswith("vendor") for name in [*service.secrets.values(), *service.networks])
        assert all(mount.source.startswith(("vendor", "./deploy/")) for mount in service.mounts)
    for secret, each in COMPOSE.raw["secrets"].items():
        assert each["file"].startswith("./secrets/vendor/" if secret.startswith("vendor_") else "./secrets/customer/")


def test_the_signing_key_and_its_passphrase_are_given_to_registration_alone() -> None:
    holders = {service.name for service in SERVICES if any(mount.source == "vendor-key" for mount in service.mounts)}
    openers = {service.name for service in SERVICES if "vendor_signing_key_passphrase" in service.secrets.values()}
    assert openers == {"registration"}
    assert holders == openers


@every_service
def test_a_container_writes_into_volumes_only(service: Service) -> None:
    for mount in service.mounts:
        assert mount.read_only if mount.source.startswith(".") else mount.source in COMPOSE.raw["volumes"]


def test_every_secret_network_and_volume_is_used_and_there() -> None:
    for kind, used in {
        "secrets": {name for service in SERVICES for name in service.secrets.values()},
        "networks": {name for service in SERVICES for name in service.networks},
        "volumes": {mount.source for service in SERVICES for mount in service.mounts if not mount.source.startswith(".")},
    }.items():
        assert used == COMPOSE.raw[kind].keys(), kind
    bound = {mount.source for service in SERVICES for mount in service.mounts if mount.source.startswith("./deploy/")}
    assert not [path for path in bound if not (ROOT / path).exists()]


@pytest.mark.parametrize("network", [name for name in COMPOSE.raw["networks"] if not name.endswith(("front", "watch"))])
def test_a_network_that_publishes_nothing_leads_nowhere(network: str) -> None:
    assert COMPOSE.raw["networks"][network]["internal"] is True


def test_the_example_names_every_variable_with_its_default_and_no_other() -> None:
    example = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))
    assert dict(variables_of((ROOT / NAME).read_text("utf-8"))) == example


def test_variables_are_filled_in_as_compose_does() -> None:
    gateway = read_compose({"GATEWAY_PORTS": "8080-8082"}).services["gateway"]
    assert gateway.raw["ports"] == ["127.0.0.1:8080-8082:8080"]
    assert "python -m $module migrate" in COMPOSE.services["migrate"].command[-1]
