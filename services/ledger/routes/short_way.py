"""The two doors that are used all day, check-out and check-in of one device, without the framework in between.

Must not be broken: it answers what the ordinary doors in ``devices.py`` would, to the byte; whatever is not plainly in order (a name
with a blank, a body that does not fit, a longer path) goes the ordinary way, which knows what to say about it.
"""

import re
from types import SimpleNamespace

from pydantic import ValidationError
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.ledger.actions.check_in import check_in
from services.ledger.actions.check_out import check_out
from services.ledger.domain.devices import CheckIn
from services.ledger.routes.devices import answer_of, command_of, router, status_of
from shared.contracts.bodies.ledger import PutDevice
from shared.kit.problems import ProblemTable, respond

_PATH = re.compile(r"/v1/clusters/(\w[\w.:-]{0,127})/devices/(\w[\w.:-]{0,127})", re.ASCII)
_ROUTE = SimpleNamespace(path=f"{router.prefix}/{{device}}")  # what is measured names the route
_JSON = [b"application/json"]
_LARGEST_BODY_BYTES = 4096


class ShortWay:
    """ASGI middleware inside the boundary."""

    def __init__(self, app: ASGIApp, problems: ProblemTable) -> None:
        self._app = app
        self._problems = problems

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in {"PUT", "DELETE"} or (named := _PATH.fullmatch(scope["path"])) is None:
            await self._app(scope, receive, send)
            return
        body = _Body(receive)
        wanted = await body.read() if scope["method"] == "PUT" and _types(scope) == _JSON else None
        if wanted is None and scope["method"] == "PUT":
            await self._app(scope, body.again, send)
            return
        scope["route"] = _ROUTE
        try:
            answer = await _answer(scope, named[1], named[2], wanted)
        except Exception as error:
            rule = self._problems.rule_of(error)
            if rule is None:
                raise
            answer = respond(error, rule)
        await answer(scope, receive, send)


def _types(scope: Scope) -> list[bytes]:
    """Of several that a request names the framework believes one; only where there is one it is plain which."""
    return [value for name, value in scope["headers"] if name == b"content-type"]


async def _answer(scope: Scope, cluster: str, device: str, wanted: PutDevice | None) -> Response:
    desks = scope["app"].state.desks
    if wanted is None:
        await check_in(desks, cluster, CheckIn(device))
        return Response(status_code=204, media_type="application/json")
    holding, pool, outcome = await check_out(desks, cluster, command_of(device, wanted))
    return Response(answer_of(holding, pool).model_dump_json(), status_of(outcome), media_type="application/json")


class _Body:
    """A small body, read once and, where the ordinary way has to be gone after all, read again."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: list[Message] = []

    async def read(self) -> PutDevice | None:
        """None where it is too long, broken off, or not what the contract says."""
        content = b""
        while len(content) <= _LARGEST_BODY_BYTES:
            message = await self._receive()
            self._messages.append(message)
            content += message.get("body", b"")
            if message["type"] != "http.request":
                return None
            if not message.get("more_body", False):
                break
        else:
            return None
        try:
            return PutDevice.model_validate_json(content)
        except ValidationError:
            return None

    async def again(self) -> Message:
        return self._messages.pop(0) if self._messages else await self._receive()
