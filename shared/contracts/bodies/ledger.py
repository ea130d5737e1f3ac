"""Bodies of the ledger: clusters, nodes, devices, pools and the unit report."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.contracts.base import AnswerBody, Page, Problem, RequestBody
from shared.contracts.bodies.demand import UnmetDemand
from shared.contracts.bodies.overdraft import OverdraftPolicy, OverdraftPolicyInForce
from shared.contracts.events.ledger import ClusterNode, OverdraftStage, PoolStatus
from shared.contracts.fields import LeaseSeconds, MacText, Name, ProductVersion

MOST_DEVICES = 10_000
"""Devices that one request may check out or in."""


class PutCluster(RequestBody):
    """A cluster and its product version. ``starter: false`` leaves out the starter license of a new cluster.

    ``overdraft_policy``: left out, a known cluster keeps its own; ``{}`` is the policy of a new cluster.
    """

    product_version: ProductVersion = Field(examples=["5.0"])
    starter: bool = Field(default=True, strict=True)
    overdraft_policy: OverdraftPolicy | None = None


class ClusterBody(AnswerBody):
    """A cluster as it stands. ``frozen``: migrated, and its real license file is not installed yet."""

    cluster: str
    product_version: str
    version: int
    starter: bool = Field(description="Whether a feature of the starter license still grants.")
    migrated: bool
    frozen: bool
    license_manager: str | None = Field(description="The node that holds the role.")
    nodes: list[ClusterNode]
    license_file_ids: list[str] = Field(description="The license files that the ledger knows of this cluster, whatever became of them.")
    overdraft_policy: OverdraftPolicyInForce | None = Field(default=None, description="As it is in force.")
    created_at: datetime


class PutNode(RequestBody):
    """A node. ``first`` makes it the cluster's first node; left out, a known node keeps what it was and a new one is first if none is."""

    mac: MacText = Field(examples=["0015C5F3A1B2"])
    first: bool | None = Field(default=None, strict=True)


class NodeBody(AnswerBody):
    """A node; ``license_manager``: whether it holds that role."""

    node: str
    mac: str
    first: bool
    license_manager: bool


DeviceClass = Literal["ordinary", "emergency", "attendant"]


class PutDevice(RequestBody):
    """A device. ``adjunct_of``: the primary phone of the same user, which makes a soft client cost its adjunct price.

    ``device_class`` is for an admin to set (403); left out, a known device keeps its own. `emergency` and `attendant` devices are checked
    out beyond the allowance too, as long as they hold no more than 1 % of what is authorized together.
    """

    device_type: Name = Field(examples=["cisco-7970"])
    adjunct_of: Name | None = None
    lease_seconds: LeaseSeconds | None = None
    device_class: DeviceClass | None = None


class PoolBody(AnswerBody):
    """A pool in units. remaining = max(0, authorized - used); overdraft = max(0, used - authorized).

    ``overdraft_in_force``: what the cluster's overdraft policy leaves of ``overdraft_allowed``; ``stage``: of an overdraft that lasts.
    """

    authorized: int
    overdraft_allowed: int
    used: int
    remaining: int
    overdraft: int
    status: PoolStatus
    version: int
    overdraft_in_force: int
    stage: OverdraftStage | None = None


class HoldingBody(AnswerBody):
    """A device and the units that it holds, taken at the price of the day it was checked out.

    ``lease_ends_at``: when they are taken back unless it is put again; null without a lease. ``last_seen_at``: when it was last put, to
    five minutes."""

    device: str
    device_type: str
    units: int
    adjunct_of: str | None = None
    device_class: DeviceClass = "ordinary"
    checked_out_at: datetime
    last_seen_at: datetime
    lease_ends_at: datetime | None = None
    state: Literal["held"] = "held"


class Ghosts(Page[HoldingBody]):
    """Devices that were not put since ``not_seen_since`` and are under no lease; ``devices`` and ``units`` count them all."""

    not_seen_since: datetime
    devices: int
    units: int


class DeviceBody(AnswerBody):
    """A device after a check-out, and the pool that it left behind."""

    device: str
    device_type: str
    units: int
    adjunct_of: str | None = None
    device_class: DeviceClass = "ordinary"
    pool: PoolBody


class DeviceToCheckOut(RequestBody):
    """One device of many."""

    device: Name = Field(examples=["SEP001122334455"])
    device_type: Name = Field(examples=["cisco-7970"])
    adjunct_of: Name | None = None
    lease_seconds: LeaseSeconds | None = None


class CheckOuts(RequestBody):
    """Many devices, checked out in this order. ``atomic``: all of them or none."""

    devices: list[DeviceToCheckOut] = Field(max_length=MOST_DEVICES)
    atomic: bool = Field(default=False, strict=True)


class CheckIns(RequestBody):
    """Many devices that give their units back, in this order: a primary behind its adjuncts. ``atomic``: all of them or none."""

    devices: list[Name] = Field(max_length=MOST_DEVICES)
    atomic: bool = Field(default=False, strict=True)


class DeviceOutcome(AnswerBody):
    """What became of one device of many; ``units``: what it holds now. ``problem``: what the device alone would have been answered."""

    device: str
    outcome: Literal["checked_out", "repriced", "unchanged", "checked_in", "gone", "refused"]
    units: int
    problem: Problem | None = None


class DeviceOutcomes(AnswerBody):
    """What became of many devices, in their order, and the pool that they left behind."""

    results: list[DeviceOutcome]
    checked_out: int
    checked_in: int
    refused: int
    pool: PoolBody


class LicenseManagerBody(AnswerBody):
    """The node in the role of license manager; null where the cluster has no node."""

    node: str | None
    mac: str | None
    status: Literal["started", "stopped", "none"]


class FeatureUnits(AnswerBody):
    """A feature's pool in the report; of PHONE_UNIT also where it stands on its cluster's overdraft ladder."""

    feature: str
    authorized: int
    overdraft_allowed: int
    used: int
    remaining: int
    overdraft: int
    status: PoolStatus
    stage: OverdraftStage | None = None
    overdraft_since: datetime | None = None
    overdraft_in_force: int | None = Field(default=None, description="What the overdraft policy leaves of `overdraft_allowed`.")
    stopped: bool = Field(default=False, description="Whether the overdraft has come to the end of the ladder.")
    migrated_units: int = Field(default=0, description="What of `authorized` a migration from 4.x gave free of charge.")


class DeviceTypeUnits(AnswerBody):
    """Devices of one type at one price."""

    device_type: str
    devices: int
    units_each: int
    units: int


class ReportedLicenseFile(AnswerBody):
    """A license file as the ledger knows it; ``starter`` and ``migration`` stand for the grants that are no files.

    ``migration_id``: the migration from 4.x that it covers free of charge; null of what was purchased, and of the starter."""

    license_file_id: str
    state: str
    granted: bool
    nodes: int
    units: int
    overdraft_units: int
    grace_ends_at: datetime | None = None
    migration_id: str | None = None


class JournalHead(AnswerBody):
    """How many entries a cluster's journal has, and ``head`` (`entries:hash`), to be noted elsewhere and asked for at a verification."""

    entries: int
    head: str


class UnitReport(AnswerBody):
    """The License Unit Report of a cluster, as it is or as it was. ``journal``: the head of the journal with which it agrees."""

    cluster: str
    product_version: str
    frozen: bool
    license_manager: LicenseManagerBody
    features: list[FeatureUnits]
    device_types: list[DeviceTypeUnits]
    license_files: list[ReportedLicenseFile]
    unmet_demand: list[UnmetDemand] | None = Field(
        default=None,
        description="What devices were refused and still do not hold, as of now. None in a report of an instant that is over: "
        "the journal records changes, and a refusal changes nothing.",
    )
    journal: JournalHead | None = None
    at: datetime


class EnterpriseUnitReport(AnswerBody):
    """All clusters together: the sums of each feature, and how many clusters are in which state by PHONE_UNIT."""

    clusters: int
    features: list[FeatureUnits]
    clusters_by_status: dict[PoolStatus, int]
    at: datetime
