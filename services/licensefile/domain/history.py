"""What is known of a LicFileID already, and what that says against a file that carries it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.licensefile.domain.cluster import Cluster
from services.licensefile.domain.offer import Offer
from services.licensefile.domain.reasons import Reason
from services.licensefile.domain.standing import ShownState


@dataclass(frozen=True, slots=True)
class Record:
    """A file that was installed once, whatever became of it."""

    cluster: str
    state: ShownState
    digest: str


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of one LicFileID; ``superseded_by`` may be known of a file that never was installed."""

    record: Record | None = None
    superseded_by: str | None = None


_NOTHING = Known()


def reasons_of_history(offer: Offer, cluster: Cluster, known: Mapping[str, Known]) -> Iterator[Reason]:
    """A LicFileID is used once: not installed already, not superseded, not retired, not in another cluster, not with other content."""
    for file_id in offer.license_file_ids:
        found = known.get(file_id, _NOTHING)
        if found.superseded_by:
            text = f"License file {file_id} was superseded by {found.superseded_by} (a re-host, or made of its returned share)."
            yield Reason("superseded", None, f"{text} Install that one on the cluster of its server instead.")
        if found.record:
            yield from _reasons_of_record(file_id, found.record, offer, cluster)
        elif file_id in cluster.license_file_ids and not found.superseded_by:
            text = f"License file {file_id} is granted in {cluster.name!r} already, though its text is not kept here: restore this store."
            yield Reason("already_installed", None, text)


def _reasons_of_record(file_id: str, record: Record, offer: Offer, cluster: Cluster) -> Iterator[Reason]:
    same_content = record.digest == offer.digest
    if not same_content:
        text = f"License file {file_id} is known with other content, so one of the two was changed. Compare them with View File."
        yield Reason("tampered", None, text)
    if record.state == "retired":
        text = f"License file {file_id} was retired in {record.cluster!r} for ever. Ask the vendor for another file."
        yield Reason("retired", None, text)
    elif record.state != "superseded" and record.cluster != cluster.name:
        text = f"License file {file_id} is in use in cluster {record.cluster!r} ({record.state}). Have it re-hosted to move it."
        yield Reason("license_in_use", None, text)
    elif record.state != "superseded" and same_content:
        yield Reason("already_installed", None, f"License file {file_id} is here already, in state {record.state}. {_WAYS[record.state]}")


_WAYS: Mapping[ShownState, str] = {
    "installed": "There is nothing to do.",
    "host_mismatch": "Give a node its MAC again or have it re-hosted before its grace ends.",
    "version_mismatch": "Order an upgrade before its grace ends.",
    "key_revoked": "Have it re-hosted to the same MAC: that signs it with the current key.",
    "expired": "Ask the vendor for a new file.",
    "grace_exceeded": "Its units were taken back for good; have it re-hosted.",
}
