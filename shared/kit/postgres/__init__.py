"""The embedded database: real PostgreSQL, started and stopped by the process that needs it, private to it."""

from shared.kit.postgres.account import EmbeddedPostgresError
from shared.kit.postgres.embedded import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]
