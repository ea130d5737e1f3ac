"""Which fact raises and which clears which alarm, about what, in which words. One table; a fact that is not in it means nothing here.

Three alarms need more than the fact itself: RequestFailed (refusals.py), ManagerDown of a ledger that is silent (heartbeat.py), and the
end of InternalError, which is a matter of time.
"""

from collections.abc import Callable, Mapping
from typing import Any

from services.alarms.domain.catalogue import AlarmName
from services.alarms.domain.facts import Fault, InstalledFile, NetworkServiceFact, PoolFact, Recovery, RefusedFile
from services.alarms.domain.heartbeat import LEDGER
from services.alarms.domain.signals import Clear, Raise, microseconds

_HERE_ALREADY = "already_installed"
_MOST_CODES = 10
_LONGEST_NAME = 200


def number(count: int) -> str:
    """5010 as ``5 010``."""
    return f"{count:,}".replace(",", " ")


def units(count: int, feature: str) -> str:
    """A count with its word: nodes are counted in nodes."""
    word = "node" if feature == "CCM_NODE" else "unit"
    return f"{number(count)} {word}{'' if count == 1 else 's'}"


def overdraft_entered(pool: PoolFact) -> Raise:
    """Overdraft stands while used > authorized, without hysteresis; also says numbers and stage of a pool that changed meanwhile."""
    overdraft = pool.used - pool.authorized
    left = max(0, pool.overdraft_allowed - overdraft)
    reason = (
        f"{pool.subject}: {number(pool.used)} used of {number(pool.authorized)} authorized, "
        f"{units(overdraft, pool.feature)} of overdraft, {number(left)} of {number(pool.overdraft_allowed)} left"
    )
    advice = f"{units(overdraft, pool.feature)} more, or as many given back, end the overdraft."
    return Raise(AlarmName.OVERDRAFT, pool.subject, pool.cluster, pool.version, pool.at, reason, advice, stage=pool.stage)


def overdraft_left(pool: PoolFact) -> Clear:
    return Clear(AlarmName.OVERDRAFT, pool.subject, pool.version, pool.at)


def limit_approached(pool: PoolFact) -> Raise:
    """The ledger decides where the limit is near; here it is only told."""
    left = max(0, pool.authorized - pool.used)
    share = f"{100 * pool.used / pool.authorized:.1f} %" if pool.authorized else "all"
    reason = f"{pool.subject}: {number(pool.used)} used of {number(pool.authorized)} authorized ({share}), {units(left, pool.feature)} left"
    advice = f"{units(left, pool.feature)} are left before the overdraft of {number(pool.overdraft_allowed)} begins."
    return Raise(AlarmName.APPROACHING_LIMIT, pool.subject, pool.cluster, pool.version, pool.at, reason, advice)


def limit_receded(pool: PoolFact) -> Clear:
    return Clear(AlarmName.APPROACHING_LIMIT, pool.subject, pool.version, pool.at)


def request_failed(pool: PoolFact, smallest: int) -> Raise:
    """Requests were refused for want of units; ``smallest`` is the smallest of them, and what must be free to end the alarm."""
    free = free_in(pool)
    reason = (
        f"{pool.subject}: requests were refused, the smallest for {units(smallest, pool.feature)}; {number(max(0, free))} free: "
        f"{number(pool.used)} used of {number(pool.authorized)} authorized and {number(pool.overdraft_allowed)} of overdraft allowed"
    )
    advice = f"Ways out: order at least {units(max(1, smallest - free), pool.feature)}, or give back as many."
    return Raise(AlarmName.REQUEST_FAILED, pool.subject, pool.cluster, pool.version, pool.at, reason, advice)


def free_in(pool: PoolFact) -> int:
    """What may still be checked out; below zero after a grant shrank."""
    return pool.authorized + pool.overdraft_allowed - pool.used


def manager_stopped(fact: NetworkServiceFact) -> Raise:
    """Somebody stopped a cluster's license manager: named, for that is whom to ask."""
    reason = (
        f"{fact.cluster}: the license manager was stopped on node {fact.node} by {fact.by[:_LONGEST_NAME]} "
        f"at {fact.at:%Y-%m-%dT%H:%M:%SZ}; nothing is checked out, checked in or changed, devices keep their units"
    )
    advice = f"Start it on node {fact.node} of {fact.cluster}, or on the node that holds the role by now; the start ends the alarm."
    return Raise(AlarmName.MANAGER_DOWN, _stopped(fact.cluster), fact.cluster, fact.version, fact.at, reason, advice)


def manager_started(fact: NetworkServiceFact) -> Clear:
    return Clear(AlarmName.MANAGER_DOWN, _stopped(fact.cluster), fact.version, fact.at)


def _stopped(cluster: str) -> str:
    """The cluster; one that is called like the service must not be taken for it: its versions are other ones."""
    return cluster if cluster != LEDGER else f"{cluster}/license-manager"


def file_refused(file: RefusedFile) -> Raise | None:
    """The newest refused file of a cluster; its codes in their order, each once for each line.

    None of one that is there already: who lost the answer to an upload asks again, and nothing is wrong with the file.
    """
    if {reason.code for reason in file.reasons} == {_HERE_ALREADY}:
        return None
    codes = list(dict.fromkeys(f"{r.code} (line {r.line})" if r.line is not None else r.code for r in file.reasons))
    more = f" and {len(codes) - _MOST_CODES} more" if len(codes) > _MOST_CODES else ""
    reason = f"{file.cluster}: license file {file.file_name[:_LONGEST_NAME]!r} was refused: {', '.join(codes[:_MOST_CODES])}{more}"
    advice = f"The alarm ends with the next license file that {file.cluster} accepts."
    return Raise(AlarmName.FILE_ERROR, file.cluster, file.cluster, microseconds(file.refused_at), file.refused_at, reason, advice)


def file_installed(file: InstalledFile) -> Clear:
    return Clear(AlarmName.FILE_ERROR, file.cluster, microseconds(file.installed_at), file.installed_at)


def data_store_failed(fault: Fault) -> Raise:
    """Kept when late: the failure may be told only after its recovery, because it was our own store too that failed."""
    reason = f"{fault.service}: the data store failed in {fault.operation} ({fault.error}), correlation id {fault.correlation_id}"
    advice = f"It is the data store of {fault.service}."
    return Raise(AlarmName.DATA_STORE_ERROR, fault.service, None, microseconds(fault.at), fault.at, reason, advice, kept_when_late=True)


def data_store_recovered(recovery: Recovery) -> Clear:
    """Never older than the failure that it ends, even when the service's clock was set back in between."""
    at = max(recovery.at, recovery.failed_at)
    return Clear(AlarmName.DATA_STORE_ERROR, recovery.service, microseconds(at), at)


def internal_error(fault: Fault) -> Raise:
    """Nothing in the field says when such an alarm ends, and no fact can: it ends when the error stays away for a while."""
    reason = f"{fault.service}: {fault.error} in {fault.operation}, correlation id {fault.correlation_id}"
    advice = f"Correlation id {fault.correlation_id}, log of {fault.service}."
    return Raise(AlarmName.INTERNAL_ERROR, fault.service, None, microseconds(fault.at), fault.at, reason, advice)


RULES: Mapping[str, Callable[[Any], Raise | Clear | None]] = {
    "ledger.overdraft-entered.v1": overdraft_entered,
    "ledger.overdraft-stage-reached.v1": overdraft_entered,
    "ledger.overdraft-left.v1": overdraft_left,
    "ledger.limit-approached.v1": limit_approached,
    "ledger.limit-receded.v1": limit_receded,
    "ledger.license-manager-stopped.v1": manager_stopped,
    "ledger.license-manager-started.v1": manager_started,
    "licensefile.license-file-refused.v1": file_refused,
    "licensefile.license-file-installed.v1": file_installed,
    "ledger.data-store-failed.v1": data_store_failed,
    "ledger.data-store-recovered.v1": data_store_recovered,
    "licensefile.data-store-failed.v1": data_store_failed,
    "licensefile.data-store-recovered.v1": data_store_recovered,
    "ledger.internal-error-occurred.v1": internal_error,
    "licensefile.internal-error-occurred.v1": internal_error,
}
