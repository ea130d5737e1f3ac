"""Who may do what in the database, tried on a real one that the deployed script prepared: every service works as its own role, and as that
role nothing else can be read, written, made or taken away, whoever stole its password."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from gateway.actions.keep_first_caller import keep_first_caller
from gateway.domain.caller import Caller
from shared.contracts.events.faults import LedgerInternalErrorOccurred
from shared.kit.postgres import EmbeddedPostgres
from tests.house import RememberingBus, eventually
from tests.system.in_process import InProcess, services_on
from tests.system.side import OWNER, ROLES, Side, connected, migrated_side, password_of, superuser

SERVICES = tuple(role for role in ROLES if role != OWNER)
each_service = pytest.mark.parametrize("service", SERVICES)


@pytest.fixture(scope="module")
async def side(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Side:
    """Both sides in one database, migrated by the owner."""
    return await migrated_side(postgres, f"rights_{uuid4().hex[:12]}", tmp_path_factory.mktemp("rights"))


async def is_denied(connection: Any, statement: str) -> None:
    try:
        await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return
    raise AssertionError(f"nothing was denied: {statement}")


async def tables_of(side: Side, schema: str) -> list[str]:
    rows = await superuser(side, "SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY tablename", schema)
    found = [row[0] for row in rows]
    assert len(found) >= 6
    return found


async def test_every_service_works_as_its_own_role(side: Side, bus: RememberingBus, tmp_path: Path) -> None:
    """Requests, consumers, timers, relays and their leads, on nothing but the service's own rights."""
    async with services_on(side.url, bus, tmp_path) as running:
        await running.make_cluster()
        assert (await running.upload(await running.license_file(1000))).status_code == 201

        async def granted() -> bool:
            return await running.authorized() == 1000

        await eventually(granted, "the ledger grants what licensefile told of")
        await _a_caller_and_an_alarm(running, bus)
        for name, app in running.apps.items():
            kit = app.state.kit
            for timer in kit.plan.timers._timers:
                await kit.plan.timers.run_once(kit.database, timer)
            ready = (await running.clients[name].get("/readyz")).json()
            assert (ready["checks"]["database"], ready["checks"]["schema"]) == (None, None), name

        async def relayed() -> bool:
            return not [1 for name in running.apps for _ in await superuser(side, f"SELECT FROM {name}.outbox")]

        await eventually(relayed, "every event left its outbox")


async def _a_caller_and_an_alarm(running: InProcess, bus: RememberingBus) -> None:
    async with running.apps["gateway"].state.kit.database.transaction() as tx:
        assert await keep_first_caller(tx, Caller("first", "admin"), None, lambda key: None)
        now = tx.now
    await bus.say(LedgerInternalErrorOccurred(service="ledger", at=now, operation="a test", correlation_id="0" * 32, error="none"))
    assert (await running.clients["alarms"].get("/v1/alarms")).json()["items"]


@each_service
async def test_a_service_reaches_nothing_of_another(side: Side, service: str) -> None:
    async with connected(side, service) as mine:
        for table in await tables_of(side, service):
            await mine.fetch(f"SELECT FROM {service}.{table}")
        for other in SERVICES:
            for table in await tables_of(side, other) if other != service else ():
                for statement in (f"SELECT FROM {other}.{table}", f"DELETE FROM {other}.{table}", f"TRUNCATE {other}.{table}"):
                    await is_denied(mine, statement)


@each_service
async def test_a_service_makes_changes_and_removes_nothing_but_rows(side: Side, service: str) -> None:
    denied = [
        *(f"{verb} {service}.{table}" for table in await tables_of(side, service) for verb in ("TRUNCATE", "DROP TABLE")),
        f"ALTER TABLE {service}.outbox ADD COLUMN mine int",
        f"ALTER TABLE {service}.outbox DISABLE TRIGGER ALL",
        f"CREATE INDEX ON {service}.outbox (created_at)",
        f"CREATE TRIGGER mine AFTER INSERT ON {service}.outbox EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        f"INSERT INTO {service}.schema_version VALUES ('9999')",
        f"UPDATE {service}.schema_version SET version_num = '9999'",
        f"DELETE FROM {service}.schema_version",
        f"CREATE TABLE {service}.mine ()",
        f"CREATE FUNCTION {service}.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        f"DROP SCHEMA {service} CASCADE",
        "CREATE TABLE public.mine ()",
        "CREATE TEMPORARY TABLE mine ()",
        "CREATE SCHEMA mine",
        "SELECT lo_create(0)",
        "SELECT lo_from_bytea(0, 'mine')",
    ]
    async with connected(side, service) as mine:
        for statement in denied:
            await is_denied(mine, statement)


async def test_the_journal_is_appended_to_and_read_and_not_even_its_owner_changes_it(side: Side) -> None:
    again = "INSERT INTO ledger.journal_entry (cluster, sequence) VALUES ('hq', 1) ON CONFLICT (cluster, sequence) DO UPDATE SET used = 1"
    await is_only_appended_to(side, "customer", "ledger", "journal_entry", "journal_is_append_only", again)


async def test_the_desks_record_is_appended_to_and_read_and_not_even_its_owner_changes_it(side: Side) -> None:
    again = (
        "INSERT INTO registration.desk_act (act_id, act, order_id, caller, at) OVERRIDING SYSTEM VALUE "
        "VALUES (1, 'order_requested', 1, 'x', now()) ON CONFLICT (act_id) DO UPDATE SET caller = 'x'"
    )
    await is_only_appended_to(side, "vendor", "registration", "desk_act", "desk_record_is_append_only", again)


async def is_only_appended_to(side: Side, whose: str, service: str, table: str, trigger: str, insert_again: str) -> None:
    denied = [
        f"UPDATE {service}.{table} SET caller = 'x'",
        f"DELETE FROM {service}.{table}",
        f"TRUNCATE {service}.{table}",
        insert_again,
        f"ALTER TABLE {service}.{table} DISABLE TRIGGER {trigger}",
        f"DROP TRIGGER {trigger} ON {service}.{table}",
        "SET session_replication_role = replica",
    ]
    held = "SELECT string_agg(DISTINCT privilege_type, ' ' ORDER BY privilege_type) FROM {0} WHERE {1}"
    named = f"table_schema = '{service}' AND table_name = '{table}' AND grantee = '{service}'"
    whole = held.format("information_schema.table_privileges", named)
    columns = held.format("information_schema.column_privileges", named)
    for _ in range(2):  # as the migration left it, and as roles.sh leaves it after a restore
        assert [(await superuser(side, asked))[0][0] for asked in (whole, columns)] == ["INSERT SELECT"] * 2
        async with connected(side, service) as mine:
            for statement in denied:
                await is_denied(mine, statement)
        async with connected(side, OWNER) as owner:
            for statement in denied[:4]:
                await is_denied(owner, statement)
        side.succeed("postgres/roles.sh", LICENSING_SIDE=whose)


@each_service
async def test_a_service_becomes_nobody_else(side: Side, service: str) -> None:
    denied = [
        f"SET ROLE {OWNER}",
        f"GRANT {OWNER} TO {service}",
        f"GRANT pg_read_all_data TO {service}",
        f"ALTER ROLE {service} SUPERUSER",
        f"ALTER ROLE {service} CONNECTION LIMIT -1",
        f"ALTER ROLE {OWNER} PASSWORD 'mine'",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT ALL ON TABLES TO {service}",
        f"ALTER DATABASE {side.database} OWNER TO {service}",
        f"ALTER SCHEMA {service} OWNER TO {service}",
        "CREATE ROLE mine",
        "CREATE DATABASE mine",
        "ALTER SYSTEM SET fsync = off",
        "SET session_replication_role = replica",  # no trigger would look after foreign keys
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('PG_VERSION')",
    ]
    async with connected(side, service) as mine:
        for statement in denied:
            await is_denied(mine, statement)
        await mine.execute(f"GRANT SELECT ON {service}.outbox TO PUBLIC")  # PostgreSQL warns, and grants nothing
    for elsewhere in ("postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _enter(side, service, database=elsewhere)
    for empty in (
        f"pg_class, aclexplode(relacl) WHERE oid = '{service}.outbox'::regclass AND grantee = 0",
        f"pg_auth_members WHERE '{service}'::regrole IN (member, roleid)",
        f"pg_shdepend WHERE refobjid = '{service}'::regrole AND deptype = 'o'",
    ):
        assert await superuser(side, f"SELECT FROM {empty}") == []


async def _enter(side: Side, role: str, **changes: str) -> None:
    async with connected(side, role, **changes):
        pass


async def test_a_table_that_a_later_migration_makes_is_reachable_at_once(side: Side) -> None:
    async with connected(side, OWNER) as owner, connected(side, "ledger") as ledger, connected(side, "alarms") as alarms:
        await owner.execute("CREATE TABLE ledger.later (id serial PRIMARY KEY, word text)")
        await ledger.execute("INSERT INTO ledger.later (word) VALUES ('a'), ('b')")
        await ledger.execute("UPDATE ledger.later SET word = 'c' WHERE id = 1")
        await ledger.execute("DELETE FROM ledger.later WHERE id = 2")
        assert [tuple(row) for row in await ledger.fetch("SELECT * FROM ledger.later")] == [(1, "c")]
        for statement in ("TRUNCATE ledger.later", "DROP TABLE ledger.later"):
            await is_denied(ledger, statement)
        await is_denied(alarms, "SELECT FROM ledger.later")
        await owner.execute("DROP TABLE ledger.later")


async def test_the_ledger_appends_to_its_journal_and_no_more(side: Side) -> None:
    """By right, not only by the trigger; and a later run of the script gives nothing back."""
    granted = "SELECT privilege_type FROM information_schema.role_table_grants WHERE grantee = 'ledger' AND table_name = 'journal_entry'"
    for _ in range(2):
        assert sorted(row[0] for row in await superuser(side, granted)) == ["INSERT", "SELECT"]
        side.succeed("postgres/roles.sh", LICENSING_SIDE="customer")
    async with connected(side, "ledger") as ledger, connected(side, OWNER) as owner:
        for statement in ("UPDATE ledger.journal_entry SET used = 0", "DELETE FROM ledger.journal_entry", "TRUNCATE ledger.journal_entry"):
            await is_denied(ledger, statement)
            await is_denied(owner, statement)


async def test_a_second_run_sets_passwords_rights_and_limits_and_touches_no_row_or_session(side: Side) -> None:
    fresh = Side(side.postgres, side.database, side.secrets.with_name("fresh"))
    fresh.secrets.mkdir()
    for role in ROLES:
        (fresh.secrets / f"database_password_{role}").write_text("new" if role == "calculator" else password_of(role))
    await superuser(side, "GRANT TRUNCATE ON calculator.outbox TO calculator")
    before = await superuser(side, "SELECT * FROM calculator.schema_version")
    async with connected(side, "calculator") as one, connected(side, "calculator") as other:
        fresh.succeed("postgres/roles.sh", LICENSING_SIDE="customer", LICENSING_CONNECTION_LIMIT="2")
        assert await one.fetch("SELECT * FROM calculator.schema_version") == before
        await is_denied(other, "TRUNCATE calculator.outbox")
        with pytest.raises(asyncpg.TooManyConnectionsError):
            await _enter(side, "calculator", password="new")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await _enter(side, "calculator")
    side.succeed("postgres/roles.sh", LICENSING_SIDE="customer")
    await _enter(side, "calculator")


def test_a_run_that_cannot_end_well_says_why_and_no_password(side: Side, tmp_path: Path) -> None:
    wrong = side.run("postgres/roles.sh", LICENSING_SIDE="both")
    assert (wrong.returncode, wrong.stderr) == (1, "LICENSING_SIDE must be customer or vendor, and is 'both'\n")
    bare = side.run("postgres/roles.sh", LICENSING_SIDE="vendor", LICENSING_SECRETS_DIR=str(tmp_path))
    assert (bare.returncode, bare.stderr) == (1, f"{tmp_path}/database_password_licensing_owner is missing or empty\n")
    failed = side.run("postgres/roles.sh", LICENSING_SIDE="vendor", LICENSING_CONNECTION_LIMIT="many")
    assert failed.returncode != 0
    assert "syntax error" in failed.stderr
    said = failed.stdout + failed.stderr + side.postgres.log.read_text()
    assert not [role for role in ROLES if password_of(role).split("'")[1] in said]
    assert "LIMIT" not in failed.stderr  # no part of the statement, which holds one
