"""Whom this service asks: the ledger about a cluster, and the folder of trusted keys about a signer.

A key is trusted because an administrator put it into that folder: it is never fetched, and no event or file brings one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.licensefile.domain.cluster import Cluster
from services.licensefile.domain.keys import HeldKey
from services.licensefile.domain.offer import SignatureFault
from shared.contracts.bodies.ledger import ClusterBody, ReportedLicenseFile, UnitReport
from shared.contracts.bodies.migrations import Migration
from shared.kit.client import ServiceClient
from shared.kit.life import CannotStart
from shared.kit.problems import NotFound
from shared.license_file.lines import LicenseLine
from shared.license_file.signature import Verification, key_id_of, verify
from shared.license_file.trusted_key import LARGEST_KEY_FILE_BYTES, KeyFile, key_file_in

STARTER = "starter"
"""Stands where a LicFileID does for the license that is no file."""

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
        body = await self.describe(name)
        macs = tuple(node.mac for node in body.nodes)
        return Cluster(body.cluster, body.version, body.product_version, macs, frozenset(body.license_file_ids))

    async def starter(self, cluster: str) -> ReportedLicenseFile | None:
        """What still grants of the starter license."""
        report = await self._client.get(["v1", "clusters", cluster, "unit-report"], UnitReport)
        if report is None:
            raise NotFound("cluster", cluster)
        return next((file for file in report.license_files if file.license_file_id == STARTER), None)

    async def migration(self, cluster: str) -> Migration:
        found = await self._client.get(["v1", "clusters", cluster, "migration"], Migration)
        if found is None:
            raise NotFound("migration of cluster", cluster)
        return found

    async def close(self) -> None:
        await self._client.close()


@dataclass
class UnusableKeyFile(CannotStart):
    """A file in the folder of trusted keys cannot be used as it stands."""

    key_file: str
    reason: str

    def __str__(self) -> str:
        ways = "It must hold one Ed25519 public key, as PEM or as 64 hexadecimal digits. Repair it or take it away"
        return f"The trusted key {self.key_file!r} cannot be used: {self.reason}. {ways}; until then no license file is judged."


@dataclass(frozen=True)
class Keyring:
    """The keys by their ids; a revoked one is not trusted even if it lies there as a trusted one too."""

    trusted: Mapping[str, HeldKey] = field(default_factory=dict)
    revoked: Mapping[str, HeldKey] = field(default_factory=dict)
    unusable: tuple[UnusableKeyFile, ...] = ()
    public: Mapping[str, Ed25519PublicKey] = field(default_factory=dict)
    """The trusted keys themselves."""

    def check(self, line: LicenseLine) -> SignatureFault | None:
        """Why the signature of ``line`` is worth nothing; None when it holds and the key was valid when the line was made."""
        if line.key_id in self.revoked:
            return "key_revoked"
        if fault := _FAULTS[verify(line, self.public)]:
            return fault
        return None if self.trusted[line.key_id or ""].made(line.license_file_id) else "key_not_valid"


class TrustedKeys:
    """The folder of trusted keys."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def read(self) -> Keyring:
        """The keys as they lie there now; none without a folder. Raises UnusableKeyFile."""
        ring = self.look()
        if ring.unusable:
            raise ring.unusable[0]
        return ring

    def look(self) -> Keyring:
        """As ``read``, but what cannot be used is told beside the others, which count: one bad file must not hide a revocation."""
        trusted: dict[str, HeldKey] = {}
        revoked: dict[str, HeldKey] = {}
        unusable: list[UnusableKeyFile] = []
        public: dict[str, Ed25519PublicKey] = {}
        for path in self._files("*.pub") + self._files("*.revoked"):
            kept = revoked if path.suffix == ".revoked" else trusted
            try:
                file = _read(path, revoked=kept is revoked)
                held = HeldKey(key_id_of(file.key), path.name, file.validity, file.revoked_on, file.reason)
                _assert_one(kept.setdefault(held.key_id, held), held)
            except UnusableKeyFile as error:
                unusable.append(error)
            else:
                public[held.key_id] = file.key
        return Keyring(trusted, revoked, tuple(unusable), {key_id: public[key_id] for key_id in trusted})

    def _files(self, pattern: str) -> list[Path]:
        return sorted(self._folder.glob(pattern)) if self._folder is not None and self._folder.is_dir() else []


def _read(path: Path, *, revoked: bool) -> KeyFile:
    try:
        with path.open("rb") as file:
            return key_file_in(file.read(LARGEST_KEY_FILE_BYTES), revoked=revoked)
    except (OSError, ValueError) as error:
        raise UnusableKeyFile(path.name, str(error) or type(error).__name__) from error


def _assert_one(first: HeldKey, held: HeldKey) -> None:
    """One key may lie there under two names, but not valid on other days under each: which would count?"""
    if first.validity != held.validity:
        raise UnusableKeyFile(held.file_name, f"the same key with other days of validity is in {first.file_name!r}")
