"""The journal, which nobody may change, and an opening entry for everything that was there before it.

While it runs, and until the release before has ended, nobody else may change a cluster: the pools are locked, but a ledger of that
release that goes on afterwards would write no entries.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from services.ledger.domain.changes import write_opening
from services.ledger.domain.cluster import Cluster
from services.ledger.domain.desk import Holding
from services.ledger.domain.grants import Grants, LicenseFile, Line
from services.ledger.domain.journal import COLUMNS, Head, Origin, Pen
from services.ledger.domain.nodes import Node
from services.ledger.domain.pool import PHONE_UNIT, Pool
from services.ledger.domain.transitions import PoolState
from shared.kit.life import CannotStart

revision = "0003"
down_revision = "0002"

MOMENT = sa.DateTime(timezone=True)
PAGE = 5_000
_ENTRY = sa.text(f"INSERT INTO ledger.journal_entry ({', '.join(COLUMNS)}) VALUES ({', '.join(f':{c}' for c in COLUMNS)})")  # noqa: S608
_ORIGIN = Origin("system", "migration", "0" * 32)


def upgrade() -> None:
    _find_the_release_before(op.get_bind())
    _create_tables()
    _create_what_reads_and_publishes()
    _create_line()
    _refuse_changes()
    _begin_with_each_cluster()
    # Whoever writes a device holds the pool of its cluster: asking again for each of thousands takes as long as storing them.
    op.drop_constraint("device_cluster_fkey", "device", schema="ledger")
    bind = op.get_bind()
    bind.execute(sa.text("LOCK TABLE ledger.pool, ledger.device IN SHARE ROW EXCLUSIVE MODE"))
    for (cluster,) in bind.execute(sa.text("SELECT cluster FROM ledger.cluster ORDER BY cluster")).all():
        _open(bind, cluster)


def _find_the_release_before(bind: sa.Connection) -> None:
    """A ledger that is connected by the service's role. Where owner and service are one role they cannot be told apart."""
    found = bind.execute(
        sa.text("""
            SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'licensing-ledger' AND usename <> current_user
               AND EXISTS (SELECT FROM ledger.cluster)
        """)
    ).scalar_one()
    if found:
        raise CannotStart(
            "a ledger of the release before is connected. It would go on changing clusters without writing the journal that begins "
            "now. Stop every ledger process, then migrate again; nothing was changed."
        )


def _create_tables() -> None:
    text, number = sa.Text, sa.BigInteger
    op.create_table(
        "journal_entry",
        sa.Column("cluster", text, primary_key=True),
        sa.Column("sequence", number, primary_key=True),
        *(sa.Column(name, text, nullable=False) for name in ("kind", "feature", "subject")),
        sa.Column("device_type_before", text, nullable=True),
        sa.Column("units_before", number, nullable=True),
        sa.Column("device_type", text, nullable=True),
        sa.Column("units", number, nullable=True),
        sa.Column("adjunct_of", text, nullable=True),
        *(sa.Column(name, number, nullable=False) for name in ("authorized_change", "overdraft_change")),
        *(sa.Column(name, number, nullable=False) for name in ("authorized", "overdraft_allowed", "used")),
        *(sa.Column(name, text, nullable=False) for name in ("reason", "detail", "caller", "source", "trace_id")),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        schema="ledger",
    )
    op.create_table(
        "journal_head",
        sa.Column("cluster", text, primary_key=True),
        sa.Column("sequence", number, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["cluster"], ["ledger.cluster.cluster"]),
        schema="ledger",
    )


def _create_what_reads_and_publishes() -> None:
    """An index of the few entries that are about no device, and which heads were published."""
    op.create_index(
        "journal_entry_of_no_device",
        "journal_entry",
        ["cluster", "sequence"],
        schema="ledger",
        postgresql_where=sa.text("device_type IS NULL AND device_type_before IS NULL"),
    )
    op.create_table(
        "published_head",
        sa.Column("cluster", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["cluster"], ["ledger.cluster.cluster"]),
        schema="ledger",
    )


def _create_line() -> None:
    """An entry as one value: a list of them travels in one parameter, and a list for each column takes twice as long."""
    op.execute("""
        CREATE TYPE ledger.journal_line AS (
            cluster text, sequence bigint, kind text, feature text, subject text,
            device_type_before text, units_before bigint, device_type text, units bigint, adjunct_of text,
            authorized_change bigint, overdraft_change bigint, authorized bigint, overdraft_allowed bigint, used bigint,
            reason text, detail text, caller text, source text, trace_id text, at timestamptz, hash bytea
        )
    """)


def _refuse_changes() -> None:
    """For everybody, the owner included; and the service has not even the right."""
    op.execute("""
        CREATE FUNCTION ledger.refuse_change_of_journal() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the journal is only ever appended to: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER journal_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.journal_entry
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change_of_journal()
    """)
    op.execute("""
        DO $$ BEGIN
            IF to_regrole('ledger') IS NOT NULL THEN
                REVOKE UPDATE, DELETE, TRUNCATE ON ledger.journal_entry FROM ledger;
            END IF;
        END $$
    """)


def _begin_with_each_cluster() -> None:
    """A cluster has its head from its first moment on, also one that a process of the release before makes while it is replaced."""
    op.execute("""
        CREATE FUNCTION ledger.begin_journal() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO ledger.journal_head (cluster, sequence, hash, at) VALUES (NEW.cluster, 0, decode(repeat('00', 32), 'hex'), 'epoch');
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER journal_begins AFTER INSERT ON ledger.cluster FOR EACH ROW EXECUTE FUNCTION ledger.begin_journal()
    """)


def _open(bind: sa.Connection, name: str) -> None:
    now = bind.execute(sa.text("SELECT now()")).scalar_one()
    cluster = _cluster_of(bind, name)
    pen = Pen(name, Head(at=now), now)
    write_opening(pen, cluster, _ORIGIN)
    pool, used = cluster.pools[PHONE_UNIT].pool, 0
    _keep(bind, pen)
    for holding in _holdings_of(bind, name):
        used += holding.units
        pool_then = Pool(PHONE_UNIT, pool.authorized, pool.overdraft_allowed, used)
        pen.write("opening", holding.device, pool_then, _ORIGIN, after=holding)
        if len(pen.entries) >= PAGE:
            _keep(bind, pen)
    _keep(bind, pen)
    assert used == pool.used, f"{name}: the pool says {pool.used} used, its devices hold {used}"
    head = {"cluster": name, "sequence": pen.head.sequence, "hash": pen.head.hash, "at": now}
    bind.execute(sa.text("INSERT INTO ledger.journal_head (cluster, sequence, hash, at) VALUES (:cluster, :sequence, :hash, :at)"), head)


def _keep(bind: sa.Connection, pen: Pen) -> None:
    if pen.entries:
        bind.execute(_ENTRY, [entry._asdict() for entry in pen.entries])
        pen.entries.clear()


def _cluster_of(bind: sa.Connection, name: str) -> Cluster:
    """As of this migration: a later release may load a cluster otherwise."""

    def rows(sql: str) -> list[sa.Row[tuple[object, ...]]]:
        return list(bind.execute(sa.text(sql), {"cluster": name}).all())

    row = bind.execute(sa.text("SELECT * FROM ledger.cluster WHERE cluster = :cluster"), {"cluster": name}).one()
    file = "license_file_id, version, state, granting, superseded, file_name, mac, installed_at, expires_at, grace_ends_at, migration_id"
    line = "source, license_file_id, line_id, feature, units, overdraft_units, major, granting"
    files = rows(f"SELECT {file} FROM ledger.license_file WHERE cluster = :cluster ORDER BY license_file_id")  # noqa: S608
    lines = rows(f"SELECT {line} FROM ledger.grant_line WHERE cluster = :cluster ORDER BY id")  # noqa: S608
    pools = rows("SELECT feature, authorized, overdraft_allowed, used FROM ledger.pool WHERE cluster = :cluster")
    return Cluster(
        name=name,
        product_version=row.product_version,
        created_at=row.created_at,
        frozen=row.frozen,
        migration_id=row.migration_id,
        license_manager=row.license_manager,
        software_major=row.software_major,
        nodes=tuple(Node(*n) for n in rows("SELECT node, mac, first FROM ledger.node WHERE cluster = :cluster ORDER BY node")),  # type: ignore[arg-type]
        grants=Grants(tuple(LicenseFile(*f) for f in files), tuple(Line(*x) for x in lines)),  # type: ignore[arg-type]
        pools={str(p[0]): PoolState(Pool(*p)) for p in pools},  # type: ignore[arg-type]
    )


def _holdings_of(bind: sa.Connection, name: str) -> Iterator[Holding]:
    asked = sa.text("""
        SELECT device, device_type, units, adjunct_of FROM ledger.device
         WHERE cluster = :cluster AND device > :after ORDER BY device LIMIT :page
    """)
    after = ""
    while found := bind.execute(asked, {"cluster": name, "after": after, "page": PAGE}).all():
        yield from (Holding(*row) for row in found)
        after = found[-1].device
