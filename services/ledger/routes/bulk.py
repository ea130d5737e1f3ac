"""/v1/clusters/{cluster}/check-outs and /check-ins: up to 10 000 devices in one request and one transaction.

As JSON, or as NDJSON (a device a line), which is read line by line as it arrives.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from services.ledger.actions.check_out import do_several
from services.ledger.actions.settle_batch import Settled
from services.ledger.domain.devices import CheckIn, CheckOut, Command, Done
from services.ledger.routes import ClusterName
from services.ledger.routes.devices import pool_of
from shared.contracts.bodies.ledger import MOST_DEVICES, CheckIns, CheckOuts, DeviceOutcomes, DeviceToCheckOut
from shared.contracts.fields import Name
from shared.kit.problems import ProblemTable, problem_of
from shared.kit.scopes import needs

_NDJSON = "application/x-ndjson"
_LONGEST_LINE_BYTES = 4096
_LARGEST_BODY_BYTES = 16 * 1024 * 1024
"""At the gateway: ten thousand devices with names of some hundred bytes each."""

_NAME: TypeAdapter[str] = TypeAdapter(Name)
_DEVICE: TypeAdapter[DeviceToCheckOut] = TypeAdapter(DeviceToCheckOut)
_ATOMIC: TypeAdapter[bool] = TypeAdapter(bool)
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Atomic = Annotated[bool, Query(description="With NDJSON, which has no place for it: all of the devices or none.")]


class _LineByLine(APIRoute):
    """A route whose body may come as NDJSON: its lines are the ``devices`` of its model."""

    def get_route_handler(self) -> Handler:
        ordinary = super().get_route_handler()
        line: TypeAdapter[Any] = _NAME if self.path.endswith("/check-ins") else _DEVICE

        async def handle(request: Request) -> Response:
            if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _NDJSON:
                return await ordinary(request)
            cluster = _valid(_NAME.validate_python, request.path_params["cluster"], "path", "cluster")
            atomic = _valid(_ATOMIC.validate_python, request.query_params.get("atomic", "false"), "query", "atomic")
            return await _do(request, cluster, [device async for device in _lines(request.stream(), line)], atomic=atomic)

        return handle


router = APIRouter(prefix="/v1/clusters/{cluster}", tags=["devices"], route_class=_LineByLine)


def _described(example: str) -> dict[str, Any]:
    """NDJSON beside the JSON that the model describes."""
    allowed = needs("operator", largest_body_bytes=_LARGEST_BODY_BYTES)
    return {**allowed, "requestBody": {"content": {_NDJSON: {"schema": {"type": "string"}, "example": example}}}}


@router.post(
    "/check-outs", response_model=DeviceOutcomes, openapi_extra=_described('{"device": "SEP001122334455", "device_type": "cisco-7970"}\n')
)
async def check_out_devices(
    cluster: ClusterName,
    body: CheckOuts,
    request: Request,
    atomic: Atomic = False,
) -> Response:
    """Check out up to 10 000 devices in one transaction: each has its outcome, or with `atomic` all of them or none (409)."""
    return await _do(request, cluster, body.devices, atomic=body.atomic or atomic)


@router.post("/check-ins", response_model=DeviceOutcomes, openapi_extra=_described('"SEP001122334455"\n'))
async def check_in_devices(
    cluster: ClusterName,
    body: CheckIns,
    request: Request,
    atomic: Atomic = False,
) -> Response:
    """Check in up to 10 000 devices in one transaction: each has its outcome, or with `atomic` all of them or none (409)."""
    return await _do(request, cluster, body.devices, atomic=body.atomic or atomic)


async def _do(request: Request, cluster: str, devices: Sequence[DeviceToCheckOut | str], *, atomic: bool) -> Response:
    commands: list[Command] = [
        CheckIn(one) if isinstance(one, str) else CheckOut(one.device, one.device_type, one.adjunct_of, one.lease_seconds)
        for one in devices
    ]
    settled = await do_several(request.app.state.desks, cluster, commands, atomic=atomic)
    return Response(_written(request.app.state.kit.problems, commands, settled), media_type="application/json")


def _written(problems: ProblemTable, commands: Sequence[Command], settled: Settled) -> str:
    """DeviceOutcomes, without making a model of each of thousands."""
    counted: Counter[str] = Counter()
    results: list[dict[str, object]] = []
    for command, outcome in zip(commands, settled.outcomes, strict=True):
        if isinstance(outcome, Done):
            units = outcome.after.units if outcome.after else 0
            results.append({"device": command.device, "outcome": outcome.outcome, "units": units, "problem": None})
            counted[outcome.outcome] += 1
        else:
            rule = problems.rule_of(outcome)
            assert rule is not None
            units = settled.held.get(command.device, 0)
            results.append({"device": command.device, "outcome": "refused", "units": units, "problem": problem_of(outcome, rule)})
            counted["refused"] += 1
    numbers = {"checked_out": counted["checked_out"], "checked_in": counted["checked_in"], "refused": counted["refused"]}
    body = {"results": results, **numbers, "pool": pool_of(settled.state).model_dump()}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


async def _lines(stream: AsyncIterator[bytes], line: TypeAdapter[Any]) -> AsyncIterator[Any]:
    """The device of each line as it arrives; never more of the body at hand than a line and a piece. An empty line is none."""
    devices = 0
    async for number, text in _split(stream):
        if not text.strip():
            continue
        devices += 1
        if devices > MOST_DEVICES:
            raise _fault("body", f"line {number}", f"a request has at most {MOST_DEVICES} devices")
        yield _valid(line.validate_json, text, "body", f"line {number}")


async def _split(stream: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes]]:
    """Lines and their numbers. Where a piece ends decides about nothing."""
    rest, number = b"", 1
    async for piece in stream:
        *whole, rest = (rest + piece).split(b"\n")
        for text in whole:
            yield number, _short(text, number)
            number += 1
        _short(rest, number)
    yield number, rest


def _short(text: bytes, number: int) -> bytes:
    if len(text) > _LONGEST_LINE_BYTES:
        raise _fault("body", f"line {number}", f"is longer than {_LONGEST_LINE_BYTES} bytes")
    return text


def _valid(check: Callable[[Any], Any], value: object, place: Literal["body", "path", "query"], what: str) -> Any:
    try:
        return check(value)
    except ValidationError as wrong:
        errors = [{**error, "loc": (place, what, *error["loc"])} for error in wrong.errors()]
        raise RequestValidationError(errors) from wrong


def _fault(place: str, what: str, message: str) -> RequestValidationError:
    return RequestValidationError([{"type": "value_error", "loc": (place, what), "msg": message, "input": None}])
