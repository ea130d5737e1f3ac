"""A foresight as the contract shows it."""

from collections.abc import Iterable

from services.licensefile.domain.pre_flight.course import Course
from services.licensefile.domain.pre_flight.foresight import Foresight, Loss, Moment, Outlook
from services.licensefile.domain.pre_flight.requests import Request, requests_of
from services.licensefile.domain.pre_flight.situation import Pool, Situation
from services.licensefile.domain.standing import Standing
from services.licensefile.routes.answers import grant_bodies
from shared.contracts.bodies.pre_flight import (
    ForetoldCluster,
    ForetoldFile,
    ForetoldLoss,
    ForetoldManager,
    ForetoldMoment,
    ForetoldMove,
    ForetoldPool,
    ForetoldState,
    PreFlightBody,
    VendorCall,
    VendorRequest,
)

MOST_SHOWN = 200


def pre_flight_body(foresight: Foresight) -> PreFlightBody:
    courses, requests = foresight.courses, requests_of(foresight)
    graces = [course.after.grace_ends_at for course in courses if course.after.mismatch and course.after.grace_ends_at]
    shown = sorted(courses, key=lambda course: (not course.breaks, course.file.license_file_id))[:MOST_SHOWN]
    first_grace = min(graces, default=None)
    breaking = sum(course.breaks for course in courses)
    return PreFlightBody(
        cluster=foresight.situation.cluster.name,
        at=foresight.at,
        summary=_summary(foresight, breaking),
        breaking=breaking,
        grace_ends_at=first_grace,
        license_files=[_file(course) for course in shown],
        license_files_total=len(courses),
        losses=[_loss(loss) for loss in foresight.losses],
        before=_cluster(foresight.situation, foresight.before),
        after=_cluster(foresight.changed, foresight.after),
        in_the_end=_cluster(foresight.changed, foresight.last),
        starter=_starter(foresight),
        timeline=[_moment(foresight, moment) for moment in foresight.moments],
        timeline_total=foresight.moments_total,
        requests=[_request(request, foresight) for request in requests[:MOST_SHOWN]],
        requests_total=len(requests),
    )


def _summary(foresight: Foresight, breaking: int) -> str:
    files = len(foresight.courses)
    said = [f"License files that break: {breaking} of {files}."]
    said += [_told(loss) for loss in foresight.losses if loss.units_at_once or loss.units_later]
    if foresight.after.software_missing:
        major = foresight.changed.cluster.major
        said.append(f"New check-outs are refused at {major}.x until a software license for it is installed; existing devices go on.")
    return " ".join(said)


def _told(loss: Loss) -> str:
    parts = ((loss.units_at_once, "at once or before the change"), (loss.units_later, "later"))
    return f"{loss.feature} loses {' and '.join(f'{units} {when}' for units, when in parts if units)}."


def _starter(foresight: Foresight) -> str | None:
    if not foresight.situation.starter:
        return None
    first, then = foresight.situation.first_node, foresight.changed.first_node
    if first == then or then is None:
        return "The starter license stays."
    return (
        "The starter license stays, for it is given once for each server; but if the server "
        f"{then.mac} was the first node of another cluster under its starter license, it is taken back with the change."
    )


def _state(standing: Standing) -> ForetoldState:
    ends = standing.grace_ends_at if standing.mismatch else None
    return ForetoldState(state=standing.shown_state, reason=standing.shown_reason, granting=standing.granting, grace_ends_at=ends)


def _file(course: Course) -> ForetoldFile:
    file = course.file
    return ForetoldFile(
        license_file_id=file.license_file_id,
        file_name=file.file_name,
        mac=file.mac,
        grants=grant_bodies(file.lines),
        expires_at=file.expires_at,
        before=_state(course.before),
        after=_state(course.after),
        breaks=course.breaks,
        units_end_at=course.ends_at,
    )


def _loss(loss: Loss) -> ForetoldLoss:
    return ForetoldLoss.model_validate(loss, from_attributes=True)


def _cluster(situation: Situation, outlook: Outlook) -> ForetoldCluster:
    first, manager = situation.first_node, outlook.license_manager
    return ForetoldCluster(
        product_version=situation.cluster.product_version,
        first_node_mac=first.mac if first else None,
        license_manager=ForetoldManager(node=manager.node, mac=manager.mac) if manager else None,
        pools=_pools(outlook.pools),
        software_major=outlook.software_major,
        software_license_missing=outlook.software_missing,
    )


def _pools(pools: Iterable[Pool]) -> list[ForetoldPool]:
    return [
        ForetoldPool(
            feature=pool.feature,
            authorized=pool.authorized,
            overdraft_allowed=pool.overdraft_allowed,
            used=pool.used,
            remaining=max(0, pool.authorized - pool.used),
            overdraft=max(0, pool.used - pool.authorized),
            status=pool.status,
        )
        for pool in pools
    ]


def _moment(foresight: Foresight, moment: Moment) -> ForetoldMoment:
    moved = [
        ForetoldMove(license_file_id=course.file.license_file_id, state=how.shown_state, granting=how.granting, reason=how.shown_reason)
        for course, how in moment.moved[:MOST_SHOWN]
    ]
    situation = foresight.changed if moment.at >= foresight.at else foresight.situation
    return ForetoldMoment(at=moment.at, license_files=moved, cluster=_cluster(situation, moment.outlook))


def _request(request: Request, foresight: Foresight) -> VendorRequest:
    """The call as the vendor's desk takes it; what only the caller can know is left null."""
    if request.kind == "rehost":
        reason = f"the server of cluster {foresight.changed.cluster.name} has another MAC address"
        body: dict[str, str | int | None] = {
            "license_file_id": request.license_file_id, "mac": request.mac, "email": None, "reason": reason
        }  # fmt: skip
        path = "/v1/rehosts"
    else:
        body = {"customer": None, "email": None, "product_version": request.product_version}
        body |= {"nodes": request.nodes, "units": request.units}
        path = "/v1/orders"
    missing = [name for name, value in body.items() if value is None]
    call = VendorCall(method="POST", path=path, body=body, to_fill_in=missing)
    return VendorRequest(kind=request.kind, license_file_id=request.license_file_id, text=request.text, call=call)
