"""May this file be installed on this cluster? All reasons against it at once, so that nobody uploads it twenty times.

A file with a reason is never installed; a file without one always may be. Every rule of acceptance stands here and nowhere else.
"""

from collections.abc import Iterator, Mapping
from datetime import date

from services.licensefile.domain.cluster import Cluster, lowest_major, too_low
from services.licensefile.domain.history import Known, reasons_of_history
from services.licensefile.domain.lines import FileLine
from services.licensefile.domain.offer import LONGEST_FILE_NAME, Offer, SignatureFault
from services.licensefile.domain.reasons import Reason
from shared.license_file.composing import VENDOR
from shared.license_file.features import FEATURES
from shared.license_file.lines import LicenseLine
from shared.license_file.signature import canonical

_MACS_SHOWN = 5
_IDS_SHOWN = 3


def judge(offer: Offer, cluster: Cluster, known: Mapping[str, Known], today: date) -> tuple[Reason, ...]:
    """Every reason to refuse, those of the whole file first, then by line; none means accepted. ``today`` in UTC."""
    reasons = list(_of_name(offer.file_name))
    if offer.is_empty:
        reasons.append(Reason("empty_file", None, "The file is empty. Upload the .lic file exactly as the vendor sent it."))
        return tuple(reasons)
    for fault in offer.text.faults:
        text = f"Line {fault.line}, column {fault.column}: {fault.text}. Upload the file exactly as the vendor sent it."
        reasons.append(Reason(fault.code, fault.line, text))
    if not offer.holds_license_line():
        text = "The file holds no INCREMENT or FEATURE line, so it licenses nothing. Upload the .lic file that the vendor sent."
        reasons.append(Reason("no_license_line", None, text))
    low = {line.position for line in too_low(offer.lines, cluster)}
    for line, kept, signature_fault in zip(offer.text.license_lines, offer.lines, offer.signature_faults, strict=True):
        reasons += _of_line(line, kept, signature_fault)
        if kept.grants:  # what another line makes void may be as old as it likes
            reasons += _of_line_here(line, kept, cluster, today, is_too_low=kept.position in low)
    reasons += _of_repeated_lines(offer)
    reasons += _of_identity(offer)
    reasons += reasons_of_history(offer, cluster, known)
    return tuple(sorted(reasons, key=lambda reason: reason.line or 0))


def _of_name(name: str) -> Iterator[Reason]:
    if not name.lower().endswith(".lic"):
        yield Reason("invalid_extension", None, f"The name {name[-40:]!r} does not end in .lic. Upload the .lic file itself.")
    if not name or len(name) > LONGEST_FILE_NAME:
        text = f"The file's name has {len(name)} characters; 1 to {LONGEST_FILE_NAME} are allowed. Rename it."
        yield Reason("invalid_file_name", None, text)
    if not name.isprintable() or set("/\\").intersection(name) or name != name.strip():
        text = f"The name {name[:40]!r} holds a slash, a backslash or a control character, or begins or ends with a blank. Rename the file."
        yield Reason("invalid_file_name", None, text)


def _of_line(line: LicenseLine, kept: FileLine, fault: SignatureFault | None) -> Iterator[Reason]:
    """What is wrong with the line wherever it is offered."""
    at = kept.position
    if line.vendor != VENDOR:
        yield Reason(
            "other_vendor", at, f"Line {at} is of vendor {line.vendor!r}; only files of {VENDOR!r} can be installed here. {_ISSUE}"
        )
    if line.feature not in FEATURES:
        yield Reason("unknown_feature", at, f"Line {at} licenses {line.feature!r}, which is none of {', '.join(FEATURES)}. {_ISSUE}")
    if kept.units is None:
        yield Reason(
            "invalid_count", at, f"Line {at} is uncounted and has no <Count>, so it does not say how much it licenses. {_ISSUE_ANEW}"
        )
    if line.license_file_id is None or kept.line_id is None:
        yield Reason("tampered", at, f"Line {at} has no LicFileID or no LicLineID; the vendor writes both into every line. {_ASK_AGAIN}")
    if fault:
        yield Reason(fault, at, f"Line {at}: {_SIGNATURE_TEXTS[fault].format(key=ascii(line.key_id)[:40] if line.key_id else 'none')}")


def _of_line_here(line: LicenseLine, kept: FileLine, cluster: Cluster, today: date, *, is_too_low: bool) -> Iterator[Reason]:
    """What is wrong with the line on this cluster and today."""
    at = kept.position
    if not kept.is_bound_to(cluster.macs):
        # A MAC reads as it is; whatever else a file names may hold anything.
        bound = ", ".join(ascii(host)[1:-1] for host in kept.host_ids[:_MACS_SHOWN]) or "no host id"
        macs = ", ".join(cluster.macs[:_MACS_SHOWN]) or "none"
        more = f" and {len(cluster.macs) - _MACS_SHOWN} more" if len(cluster.macs) > _MACS_SHOWN else ""
        ways = "Install it on the cluster of that server, or have it re-hosted to one of these."
        text = f"Line {at} is bound to {bound[:200]}; the MACs of the nodes of {cluster.name!r} are {macs}{more}. {ways}"
        yield Reason("not_this_host", at, text)
    if is_too_low:
        lowest = lowest_major(line.feature, cluster.major)
        text = f"Line {at} is for {line.version}; {line.feature} on this cluster ({cluster.product_version}) needs {lowest}.0 or later."
        yield Reason("version_too_low", at, f"{text} Order an upgrade.")
    if line.expiry and line.expiry < today:
        text = f"Line {at} was valid through {line.expiry} 23:59:59 UTC; today is {today}. Ask the vendor for a new file."
        yield Reason("expired", at, text)
    if line.start and line.start > today:
        yield Reason("not_yet_valid", at, f"Line {at} is valid from {line.start} on; today is {today}. Upload it again then.")


def _of_repeated_lines(offer: Offer) -> Iterator[Reason]:
    """No two lines may be identical, nor may two share the ids that make a line grant once."""
    seen: dict[object, int] = {}
    for line in offer.text.license_lines:
        keys: list[object] = [canonical(line)]
        if line.license_file_id and line.license_line_id is not None:
            keys.append((line.license_file_id, line.license_line_id))
        earlier = next((seen[key] for key in keys if key in seen), None)
        if earlier is not None:
            text = f"Line {line.first_line} repeats line {earlier}: a line may stand in a file once. {_ASK_AGAIN}"
            yield Reason("duplicate_line", line.first_line, text)
        for key in keys:
            seen.setdefault(key, line.first_line)


def _of_identity(offer: Offer) -> Iterator[Reason]:
    if len(ids := offer.license_file_ids) > 1:
        more = ", …" if len(ids) > _IDS_SHOWN else ""
        text = f"The lines carry {len(ids)} different LicFileIDs ({', '.join(ids[:_IDS_SHOWN])}{more}): they were copied together."
        yield Reason("tampered", None, f"{text} {_ASK_AGAIN}")


_ISSUE = "Ask the vendor for a file without this line."
_ISSUE_ANEW = "Ask the vendor to issue it anew."
_ASK_AGAIN = "Upload the file exactly as the vendor sent it, or have it sent again."
_SIGNATURE_TEXTS: Mapping[SignatureFault, str] = {
    "signature_invalid": f"the signature does not fit the line, so somebody or something changed it. {_ASK_AGAIN}",
    "unknown_signer": "it is signed by a key that is not trusted here (KeyId {key}). If the vendor has a new key, put its public key "
    "into the folder of trusted keys; a file without KeyId is from before these signatures and must be issued anew.",
    "key_revoked": "the key {key} that signed it is revoked. Have the file re-hosted to the same MAC: that signs it with the current key.",
    "key_not_valid": "the key {key} that signed it was not valid at the instant in its LicFileID (GET /v1/trusted-keys shows its days), "
    "so the vendor did not make it then. Ask the vendor; a re-host to the same MAC signs it with the current key.",
}
