"""The intermediate XML of a cluster's migration, from what the ledger keeps of it. The same migration always gives the same bytes."""

from dataclasses import dataclass

from shared.contracts.bodies.migrations import Migration
from shared.license_file.migration_file import InvalidMigrationFile, MigrationFile, write


@dataclass
class MigrationFileImpossible(Exception):
    """The migration holds values that no migration file can hold."""

    reasons: list[str]

    def __str__(self) -> str:
        return f"The migration cannot be written as a migration file: {'; '.join(self.reasons)}. Register its parts by hand."


def render_migration(migration: Migration) -> bytes:
    """The XML in UTF-8. Raises MigrationFileImpossible."""
    types = sorted((covered.device_type, covered.count, covered.units_each) for covered in migration.devices)
    file = MigrationFile(
        migration_id=migration.migration_id,
        source_cluster=migration.cluster,
        from_version=migration.from_version,
        to_version=migration.to_version,
        nodes=migration.nodes,
        device_types=tuple(types),
        unknown_models=tuple(sorted((unknown.model, unknown.devices) for unknown in migration.unknown_models)),
    )
    try:
        return write(file)
    except InvalidMigrationFile as error:
        raise MigrationFileImpossible(error.reasons) from error
