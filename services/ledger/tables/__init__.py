"""The ledger's columns and constraints.

Locks are taken in one order, so that nobody waits for a circle: a cluster's row, its pools by feature, the rest. Whoever changes
what decides about check-outs holds the cluster's pools; a check-out holds only the pool of its units.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.ledger.tables.base import LEDGER as LEDGER
from services.ledger.tables.base import LedgerTable as LedgerTable
from services.ledger.tables.counts import TypeCountRow as TypeCountRow
from services.ledger.tables.demand import HistoryMarkRow as HistoryMarkRow
from services.ledger.tables.demand import PoolDayRow as PoolDayRow
from services.ledger.tables.demand import ReturnableRow as ReturnableRow
from services.ledger.tables.demand import UnmetDemandRow as UnmetDemandRow
from services.ledger.tables.demand import UnmetDeviceRow as UnmetDeviceRow
from services.ledger.tables.migrations import MigrationRow as MigrationRow
from services.ledger.tables.migrations import MigrationTypeRow as MigrationTypeRow
from services.ledger.tables.migrations import UnknownModelRow as UnknownModelRow
from services.ledger.tables.reconciliations import DifferenceRow as DifferenceRow
from services.ledger.tables.reconciliations import InventoryLineRow as InventoryLineRow
from services.ledger.tables.reconciliations import ReconciliationRow as ReconciliationRow


class ClusterRow(LedgerTable, table=True):
    """A cluster. ``license_manager`` and ``software_major`` follow from its nodes and grants."""

    __tablename__ = "cluster"
    __table_args__ = (CheckConstraint("NOT frozen OR migration_id IS NOT NULL", name="cluster_frozen_only_when_migrated"),)

    cluster: str = Field(primary_key=True)
    product_version: str
    version: int = Field(sa_type=BigInteger)
    frozen: bool
    migration_id: str | None = Field(default=None, unique=True)
    license_manager: str | None = None
    software_major: int
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


class PoolRow(LedgerTable, table=True):
    """The units of one feature of one cluster. ``used`` is the sum of its holdings, ``authorized`` that of the granting lines.

    ``overdraft_policy``: null where nobody set one; since when and at which stage its overdraft is: null outside of overdraft.
    """

    __tablename__ = "pool"
    __table_args__ = (
        ForeignKeyConstraint(["cluster"], ["ledger.cluster.cluster"]),
        CheckConstraint("used >= 0", name="pool_used_not_negative"),
        CheckConstraint("authorized >= 0", name="pool_authorized_not_negative"),
        CheckConstraint("overdraft_allowed >= 0", name="pool_overdraft_allowed_not_negative"),
        CheckConstraint("overdraft_stage IN ('notice', 'minor', 'major', 'critical')", name="pool_overdraft_stage_known"),
        CheckConstraint("(overdraft_since IS NULL) = (overdraft_stage IS NULL)", name="pool_overdraft_has_stage"),
        CheckConstraint("NOT overdraft_stopped OR overdraft_since IS NOT NULL", name="pool_stopped_in_overdraft"),
    )

    cluster: str = Field(primary_key=True)
    feature: str = Field(primary_key=True)
    authorized: int = Field(sa_type=BigInteger)
    overdraft_allowed: int = Field(sa_type=BigInteger)
    used: int = Field(sa_type=BigInteger)
    version: int = Field(sa_type=BigInteger)
    limit_approached: bool
    overdraft_policy: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    overdraft_since: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    overdraft_stage: str | None = None
    overdraft_stopped: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class NodeRow(LedgerTable, table=True):
    """A node; it holds one node license."""

    __tablename__ = "node"
    __table_args__ = (
        ForeignKeyConstraint(["cluster"], ["ledger.cluster.cluster"]),
        UniqueConstraint("mac", name="node_mac_of_one_node"),
        Index("node_one_first", "cluster", unique=True, postgresql_where=text("first")),
    )

    cluster: str = Field(primary_key=True)
    node: str = Field(primary_key=True)
    mac: str
    first: bool


class DeviceRow(LedgerTable, table=True):
    """A device and the units that it holds. Its primary must be a device of the same cluster.

    That its cluster exists needs no key: whoever writes one holds the cluster's pool.
    ``seen_at``: when it was last put, to some minutes. ``lease_ends_at``: unless the clock of the leases says later.
    """

    __tablename__ = "device"
    __table_args__ = (
        ForeignKeyConstraint(["cluster", "adjunct_of"], ["ledger.device.cluster", "ledger.device.device"], name="device_primary_exists"),
        CheckConstraint("units >= 0", name="device_units_not_negative"),
        CheckConstraint("adjunct_of <> device", name="device_not_its_own_adjunct"),
        CheckConstraint("lease_seconds BETWEEN 1 AND 31536000", name="device_lease_bounded"),
        CheckConstraint("(lease_seconds IS NULL) = (lease_ends_at IS NULL)", name="device_lease_has_an_end"),
        CheckConstraint("device_class IN ('ordinary', 'emergency', 'attendant')", name="device_class_known"),
        Index("device_by_type", "cluster", "device_type", "device"),
        Index("device_by_primary", "cluster", "adjunct_of", postgresql_where=text("adjunct_of IS NOT NULL")),
        Index("device_by_lease_end", "cluster", "lease_ends_at", postgresql_where=text("lease_ends_at IS NOT NULL")),
        Index("device_exempt", "cluster", "device", postgresql_where=text("device_class <> 'ordinary'")),
    )

    cluster: str = Field(primary_key=True)
    device: str = Field(primary_key=True)
    device_type: str
    units: int = Field(sa_type=BigInteger)
    adjunct_of: str | None = None
    device_class: str = Field(default="ordinary", sa_column_kwargs={"server_default": text("'ordinary'")})
    checked_out_at: datetime = Field(sa_type=DateTime(timezone=True))
    seen_at: datetime = Field(sa_type=DateTime(timezone=True))
    lease_seconds: int | None = Field(default=None, sa_type=BigInteger)
    lease_ends_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class LicenseFileRow(LedgerTable, table=True):
    """A license file, by event; one that a re-host replaced is remembered also where it was never installed."""

    __tablename__ = "license_file"
    __table_args__ = (
        ForeignKeyConstraint(["cluster"], ["ledger.cluster.cluster"]),
        CheckConstraint("NOT (superseded AND granting)", name="license_file_superseded_grants_nothing"),
        Index("license_file_of_cluster", "cluster"),
    )

    license_file_id: str = Field(primary_key=True)
    cluster: str
    version: int = Field(sa_type=BigInteger)
    state: str
    granting: bool
    superseded: bool
    file_name: str
    mac: str
    installed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    expires_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    grace_ends_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    migration_id: str | None = None


class GrantLineRow(LedgerTable, table=True):
    """What one line of a file, of the starter or of a migration grants. A line of a file exists once, whichever cluster has it."""

    __tablename__ = "grant_line"
    __table_args__ = (
        ForeignKeyConstraint(["cluster"], ["ledger.cluster.cluster"]),
        ForeignKeyConstraint(["license_file_id"], ["ledger.license_file.license_file_id"]),
        CheckConstraint("(source = 'file') = (license_file_id IS NOT NULL)", name="grant_line_file_has_id"),
        CheckConstraint("units >= 0 AND overdraft_units >= 0", name="grant_line_units_not_negative"),
        UniqueConstraint("license_file_id", "line_id", name="grant_line_grants_once"),
        Index("grant_line_given_once", "cluster", "source", "line_id", unique=True, postgresql_where=text("license_file_id IS NULL")),
        Index("grant_line_of_cluster", "cluster"),
    )

    id: int | None = Field(default=None, primary_key=True)
    cluster: str
    source: str
    license_file_id: str | None = None
    line_id: int = Field(sa_type=BigInteger)
    feature: str
    units: int = Field(sa_type=BigInteger)
    overdraft_units: int = Field(sa_type=BigInteger)
    major: int
    granting: bool


class StarterUseRow(LedgerTable, table=True):
    """For which first node's address a starter was given, for ever."""

    __tablename__ = "starter_use"

    mac: str = Field(primary_key=True)
    cluster: str


class DeviceTypeRow(LedgerTable, table=True):
    """The calculator's prices, by event. ``label`` and ``model_code``: what exports of 4.x call the type; null until they were heard."""

    __tablename__ = "device_type"

    device_type: str = Field(primary_key=True)
    units: int = Field(sa_type=BigInteger)
    adjunct_units: int | None = Field(default=None, sa_type=BigInteger)
    label: str | None = None
    model_code: int | None = Field(default=None, sa_type=BigInteger)


class CatalogueRow(LedgerTable, table=True):
    """Which version of the catalogue the prices are: one row, none before the first."""

    __tablename__ = "catalogue"
    __table_args__ = (CheckConstraint("id = 1", name="catalogue_one_row"),)

    id: int = Field(default=1, primary_key=True)
    version: int = Field(sa_type=BigInteger)


class LeaseClockRow(LedgerTable, table=True):
    """Until when leases have been watched, and since when without a gap: one row. See ``domain/leases.py``."""

    __tablename__ = "lease_clock"
    __table_args__ = (CheckConstraint("id = 1", name="lease_clock_one_row"),)

    id: int = Field(default=1, primary_key=True)
    ticked_at: datetime = Field(sa_type=DateTime(timezone=True))
    runs_from: datetime = Field(sa_type=DateTime(timezone=True))


class JournalEntryRow(LedgerTable, table=True):
    """A change of a cluster's units. Appended, and never changed: see ``domain/journal.py`` for the fields and the chain."""

    __tablename__ = "journal_entry"
    __table_args__ = (
        # The few entries that are about no device: what a report of the past tells besides devices, without reading theirs.
        Index(
            "journal_entry_of_no_device",
            *("cluster", "sequence"),
            postgresql_where=text("device_type IS NULL AND device_type_before IS NULL"),
        ),
    )

    cluster: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str
    feature: str
    subject: str
    device_type_before: str | None = None
    units_before: int | None = Field(default=None, sa_type=BigInteger)
    device_type: str | None = None
    units: int | None = Field(default=None, sa_type=BigInteger)
    adjunct_of: str | None = None
    authorized_change: int = Field(sa_type=BigInteger)
    overdraft_change: int = Field(sa_type=BigInteger)
    authorized: int = Field(sa_type=BigInteger)
    overdraft_allowed: int = Field(sa_type=BigInteger)
    used: int = Field(sa_type=BigInteger)
    reason: str
    detail: str
    caller: str
    source: str
    trace_id: str
    at: datetime = Field(sa_type=DateTime(timezone=True))
    hash: bytes


class JournalHeadRow(LedgerTable, table=True):
    """The last entry of a cluster's journal, made with it by a trigger. Changed only by whoever holds the cluster's PHONE_UNIT pool."""

    __tablename__ = "journal_head"
    __table_args__ = (ForeignKeyConstraint(["cluster"], ["ledger.cluster.cluster"]),)

    cluster: str = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger)
    hash: bytes
    at: datetime = Field(sa_type=DateTime(timezone=True))


class PublishedHeadRow(LedgerTable, table=True):
    """The head of a cluster's journal that was published last."""

    __tablename__ = "published_head"
    __table_args__ = (ForeignKeyConstraint(["cluster"], ["ledger.cluster.cluster"]),)

    cluster: str = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger)
    hash: bytes
