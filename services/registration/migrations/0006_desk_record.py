"""The desk's record: every act with caller, time and reason. What was done before it is taken from the rows that are there."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_KNOWN = "act IN ('order_requested', 'order_approved', 'license_registered', 'license_rehosted', 'share_returned', 'delivery_requested')"


def upgrade() -> None:
    _create_record()
    _take_over()
    _refuse_changes()
    op.drop_constraint("license_file_rehost_has_reason", "license_file", schema="registration")
    op.create_check_constraint(
        "license_file_rehost_has_reason", "license_file", "replaces IS NULL OR reason IS NOT NULL", schema="registration"
    )


def _create_record() -> None:
    op.create_table(
        "desk_act",
        sa.Column("act_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("order_id", sa.BigInteger, sa.ForeignKey("registration.purchase_order.order_id"), nullable=False),
        sa.Column("license_file_id", sa.Text, sa.ForeignKey("registration.license_file.license_file_id"), nullable=True),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(_KNOWN, name="desk_act_known"),
        sa.CheckConstraint("(license_file_id IS NULL) = (act LIKE 'order\\_%')", name="desk_act_names_its_file"),
        schema="registration",
    )
    op.create_index("desk_act_of_order", "desk_act", ["order_id", "act_id"], schema="registration")


def _take_over() -> None:
    """In the order in which it was done."""
    op.execute("""
        INSERT INTO registration.desk_act (act, order_id, license_file_id, reason, caller, at)
        SELECT act, order_id, license_file_id, reason, caller, at FROM (
            SELECT 'order_requested' AS act, order_id, NULL AS license_file_id, NULL AS reason, requested_by AS caller, requested_at AS at
            FROM registration.purchase_order
            UNION ALL
            SELECT 'order_approved', order_id, NULL, NULL, approved_by, approved_at
            FROM registration.purchase_order WHERE status = 'approved'
            UNION ALL
            SELECT CASE WHEN replaces IS NULL THEN 'license_registered' ELSE 'license_rehosted' END,
                order_id, license_file_id, reason, made_by, made_at
            FROM registration.license_file
        ) AS done ORDER BY at, order_id, (act = 'order_approved'), license_file_id NULLS FIRST
    """)


def _refuse_changes() -> None:
    """For everybody, the owner included; and the service has not even the right."""
    op.execute("""
        CREATE FUNCTION registration.refuse_change_of_record() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the record is only ever appended to: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER desk_record_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON registration.desk_act
        FOR EACH STATEMENT EXECUTE FUNCTION registration.refuse_change_of_record()
    """)
    op.execute("""
        DO $$ BEGIN
            IF to_regrole('registration') IS NOT NULL THEN
                REVOKE UPDATE, DELETE, TRUNCATE ON registration.desk_act FROM registration;
            END IF;
        END $$
    """)
