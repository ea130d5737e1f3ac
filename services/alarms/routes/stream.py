"""/v1/alarms/stream: what becomes of alarms, as it happens (server-sent events)."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.responses import Response, StreamingResponse

from services.alarms.domain.stream import TooManyListeners
from shared.kit.scopes import needs

router = APIRouter(prefix="/v1/alarms", tags=["alarms"])
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


@router.get(
    "/stream",
    openapi_extra=needs("viewer"),
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Events, without an end."}},
)
async def stream_alarms(
    request: Request, last_event_id: Annotated[str | None, Header(pattern=r"^[0-9]{1,18}$", description="Where a listener stopped.")] = None
) -> Response:
    """Events `raised`, `repeated`, `escalated`, `acknowledged`, `commented` and `cleared` with the alarm as data, from now on or behind
    `Last-Event-ID`. First comes `ready`, or `reset` where what followed that id is not kept any more: list the alarms anew. A listener
    that reads too slowly is let go, and goes on where it stopped. A comment every few seconds shows that the line stands."""
    stream, kit = request.app.state.stream, request.app.state.kit
    if stream.full:
        raise TooManyListeners(len(stream))
    events = stream.listen(kit.database, int(last_event_id) if last_event_id is not None else None)
    return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS)
