"""Whom this service asks: the ledger about a cluster, and the folder of trusted keys about a signer.

A key is trusted because an administrator put it into that folder: it is never fetched, and no event or file brings one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.licensefile.domain.cluster import Cluster
from services.licensefile.domain.offer import SignatureFault
from services.licensefile.domain.pre_flight.situation import Node, Pool, Situation
from shared.contracts.bodies.ledger import ClusterBody, Migration, ReportedLicenseFile, UnitReport
from shared.kit.client import ServiceClient
from shared.kit.life import CannotStart
from shared.kit.problems import NotFound
from shared.license_file.features import major_of
from shared.license_file.lines import LicenseLine
from shared.license_file.signature import Verification, key_id_of, verify
from shared.license_file.trusted_key import LARGEST_KEY_FILE_BYTES, key_in

STARTER = "starter"
PROVISIONAL = "migration"
"""They stand where a LicFileID does for what grants and is no file."""

_FAULTS: Mapping[Verification, SignatureFault | None] = {
    Verification.VALID: None,
    Verification.INVALID: "signature_invalid",
    Verification.UNKNOWN_SIGNER: "unknown_signer",
}


class Ledger:
    """The ledger, as the license files see it. Every question raises NotFound and UpstreamUnavailable."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def describe(self, cluster: str) -> ClusterBody:
        body = await self._client.get(["v1", "clusters", cluster], ClusterBody)
        if body is None:
            raise NotFound("cluster", cluster)
        return body

    async def cluster(self, name: str) -> Cluster:
        """The nodes' MACs, the version, and the license files that the ledger knows."""
        return _cluster(await self.describe(name))

    async def unit_report(self, cluster: str) -> UnitReport:
        report = await self._client.get(["v1", "clusters", cluster, "unit-report"], UnitReport)
        if report is None:
            raise NotFound("cluster", cluster)
        return report

    async def starter(self, cluster: str) -> ReportedLicenseFile | None:
        """What still grants of the starter license."""
        report = await self.unit_report(cluster)
        return next((file for file in report.license_files if file.license_file_id == STARTER), None)

    async def situation(self, name: str) -> Situation:
        """All that a pre-flight needs to know of the cluster; its files are for others to add."""
        body, report = await self.describe(name), await self.unit_report(name)
        migration = await self.migration(name) if body.migrated else None
        granting = {file.license_file_id: file for file in report.license_files if file.granted}
        provisional = migration if PROVISIONAL in granting else None
        return Situation(
            cluster=_cluster(body),
            nodes=tuple(Node(node.node, node.mac, node.first) for node in body.nodes),
            pools=tuple(Pool(of.feature, of.authorized, of.overdraft_allowed, of.used) for of in report.features),
            files=(),
            counted=frozenset(granting),
            starter=STARTER in granting and granting[STARTER].units > 0,
            migration_id=migration.migration_id if migration else None,
            provisional_major=major_of(provisional.to_version) if provisional else 0,
        )

    async def migration(self, cluster: str) -> Migration:
        found = await self._client.get(["v1", "clusters", cluster, "migration"], Migration)
        if found is None:
            raise NotFound("migration of cluster", cluster)
        return found

    async def close(self) -> None:
        await self._client.close()


def _cluster(body: ClusterBody) -> Cluster:
    macs = tuple(node.mac for node in body.nodes)
    return Cluster(body.cluster, body.version, body.product_version, macs, frozenset(body.license_file_ids))


@dataclass
class UnusableKeyFile(CannotStart):
    """A file in the folder of trusted keys holds no Ed25519 public key."""

    key_file: str
    reason: str

    def __str__(self) -> str:
        ways = "It must hold one Ed25519 public key, as PEM or as 64 hexadecimal digits. Repair it or take it away"
        return f"The trusted key {self.key_file!r} cannot be used: {self.reason}. {ways}; until then no license file is judged."


@dataclass(frozen=True)
class Keyring:
    """The keys by their ids; a revoked one is not trusted even if it lies there as a trusted one too."""

    trusted: Mapping[str, Ed25519PublicKey] = field(default_factory=dict)
    revoked: frozenset[str] = frozenset()

    def check(self, line: LicenseLine) -> SignatureFault | None:
        """Why the signature of ``line`` is worth nothing; None when it holds."""
        return "key_revoked" if line.key_id in self.revoked else _FAULTS[verify(line, self.trusted)]


class TrustedKeys:
    """The folder of trusted keys."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def read(self) -> Keyring:
        """The keys as they lie there now; none without a folder. Raises UnusableKeyFile."""
        if self._folder is None or not self._folder.is_dir():
            return Keyring()
        trusted = [_read_key(path) for path in sorted(self._folder.glob("*.pub"))]
        revoked = [_read_key(path) for path in sorted(self._folder.glob("*.revoked"))]
        return Keyring({key_id_of(key): key for key in trusted}, frozenset(key_id_of(key) for key in revoked))


def _read_key(path: Path) -> Ed25519PublicKey:
    try:
        with path.open("rb") as file:
            return key_in(file.read(LARGEST_KEY_FILE_BYTES))
    except (OSError, ValueError) as error:
        raise UnusableKeyFile(path.name, str(error) or type(error).__name__) from error
