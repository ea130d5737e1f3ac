"""Free license files for what a 4.x cluster already has: once a migration, and once a source cluster and MAC."""

import re
from dataclasses import dataclass

from services.registration.domain.order import OLDEST_MAJOR, UnsupportedVersion
from shared.license_file.features import major_of
from shared.license_file.migration_file import InvalidMigrationFile, MigrationFile, read

MOST_REASONS = 100
# A migration file may say 5.0(1); a license line holds groups of digits only, and only the major part decides.
_VERSION = re.compile(r"([1-9][0-9]{0,2})((?:\.[0-9]{1,4}){0,3})(?![0-9])")


@dataclass
class MigrationFileRefused(Exception):
    """The text is no migration file, or not one that can be licensed. ``reasons``: at most 100 of all."""

    reasons: tuple[str, ...]
    reasons_total: int

    def __str__(self) -> str:
        return (
            f"The migration file is refused: {self.reasons[0]} ({self.reasons_total} in all). "
            "Copy the whole text of View File again, from <?xml to the end, and do not change it."
        )


@dataclass
class MigrationAlreadyRegistered(Exception):
    """The free license file of this migration, or of this source cluster and MAC, was made before."""

    migration_id: str
    source_cluster: str
    license_file_id: str

    def __str__(self) -> str:
        return (
            f"Migration {self.migration_id} of {self.source_cluster!r} has its free license file {self.license_file_id} already. "
            "Download that one, or re-host it for another MAC address."
        )


@dataclass
class MigrationFileChanged(Exception):
    """Another content waits for approval under the same migration id."""

    migration_id: str
    order_id: str

    def __str__(self) -> str:
        return (
            f"Order {self.order_id} holds migration {self.migration_id} with another content. "
            "Paste the migration file that was pasted first, or start the migration again."
        )


@dataclass
class MigrationAwaitsApproval(Exception):
    """A migration above the threshold waits until the vendor approves its order.

    ``given_nodes``, ``given_units``: what its source cluster got free of charge before; they count, lest a threshold be passed in parts.
    ``unknown_devices``: of models that stand in no catalogue, and for which nothing is licensed.
    """

    migration_id: str
    order_id: str
    nodes: int
    units: int
    given_nodes: int
    given_units: int
    threshold_nodes: int
    threshold_units: int
    unknown_devices: int

    @property
    def is_above_threshold(self) -> bool:
        """Whether it waits at all."""
        return self.nodes + self.given_nodes > self.threshold_nodes or self.units + self.given_units > self.threshold_units

    def __str__(self) -> str:
        before = self.given_nodes + self.given_units > 0
        given = f" beside the {self.given_nodes} nodes and {self.given_units} units given before" if before else ""
        unknown = f" ({self.unknown_devices} devices of unknown models not counted)" if self.unknown_devices else ""
        return (
            f"Migration {self.migration_id} needs {self.nodes} nodes and {self.units} units{unknown}{given}; "
            f"up to {self.threshold_nodes} nodes and {self.threshold_units} units in all are given to one source cluster without approval. "
            f"Once order {self.order_id} is approved, register the same migration file again."
        )


def read_migration(text: str) -> tuple[MigrationFile, str]:
    """A pasted migration file, and its version as a license line has it. Raises MigrationFileRefused, UnsupportedVersion."""
    try:
        migration = read(text)
    except InvalidMigrationFile as invalid:
        raise _refused(invalid.reasons) from invalid
    match = _VERSION.match(migration.to_version)
    if match is None:
        raise _refused([f"toVersion {migration.to_version!r} does not begin with a version number such as 5.0"])
    if migration.nodes == 0 and migration.total_units == 0:
        raise _refused(["it needs neither nodes nor units: there is nothing to license"])
    product_version = match[1] + (match[2] or ".0")
    if major_of(product_version) < OLDEST_MAJOR:
        raise UnsupportedVersion(product_version)
    return migration, product_version


def _refused(reasons: list[str]) -> MigrationFileRefused:
    return MigrationFileRefused(tuple(reason[:300] for reason in reasons[:MOST_REASONS]), len(reasons))
