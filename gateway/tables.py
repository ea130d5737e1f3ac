"""The gateway's columns and constraints: the callers."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, MetaData
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

GATEWAY = registry(metadata=MetaData(schema="gateway"))


class GatewayTable(SQLModel, registry=GATEWAY):
    """Base of this service's tables: its own registry, its own schema."""


class CallerRow(GatewayTable, table=True):
    """A caller; ``key_digest`` is the SHA-256 of its key."""

    __tablename__ = "caller"
    __table_args__ = (
        CheckConstraint("scope IN ('viewer', 'operator', 'admin', 'vendor')", name="caller_scope_known"),
        CheckConstraint("octet_length(key_digest) = 32", name="caller_key_digest_is_sha256"),
    )

    caller: str = Field(primary_key=True)
    scope: str
    key_digest: bytes = Field(unique=True)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    created_by: str
