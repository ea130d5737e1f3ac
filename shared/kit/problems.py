"""Every error leaves as RFC 9457 ``application/problem+json``. A service says which of its exceptions is which problem, in one table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from shared.contracts.base import Problem
from shared.kit.batches import Busy
from shared.kit.trace import current_trace

PROBLEM_JSON = "application/problem+json"
_SLUGS = {401: "unauthorized", 403: "forbidden", 404: "not-found", 405: "method-not-allowed", 413: "content-too-large"}
_UNREADABLE = {
    "There was an error parsing the body": "the body cannot be read; it must be JSON in UTF-8, nested at most some hundreds deep, "
    "with numbers of at most some thousands of digits"
}
"""What the framework says of such a body helps nobody."""
_MOST_ERRORS = 20
_LONGEST_ECHO = 80


@dataclass(frozen=True, slots=True)
class Rule:
    """How one exception leaves. ``recorded``: what was written before it is kept, for a refusal is a decision and no failure."""

    slug: str
    status: int
    title: str
    recorded: bool = False
    members: Mapping[str, str] = field(default_factory=dict)
    """Members of the problem that are always the same."""

    retry_after_seconds: int | None = None


class ProblemTable:
    """A service's exceptions and their rules. An exception's dataclass fields become the problem's members, its ``str`` the detail."""

    def __init__(self, rules: Mapping[type[Exception], Rule]) -> None:
        self.rules = {**SHARED_RULES, **rules}
        for kind in self.rules:
            taken: set[str] = {f.name for f in fields(kind)} & set(Problem.model_fields) if is_dataclass(kind) else set()
            assert not taken, f"{kind.__name__}: rename {sorted(taken)}, every problem has members of that name"
        self.recorded = tuple(kind for kind, rule in self.rules.items() if rule.recorded)

    def rule_of(self, error: Exception) -> Rule | None:
        """How an exception leaves; None for one that nobody foresaw."""
        return next((self.rules[kind] for kind in type(error).__mro__ if kind in self.rules), None)


@dataclass
class NotFound(Exception):
    """There is no such thing: ``kind`` names what was looked for."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"There is no {self.kind} {self.name!r}."


@dataclass
class UpstreamUnavailable(Exception):
    """Another service that must be asked first did not answer in time; nothing was changed."""

    upstream: str
    reason: str

    def __str__(self) -> str:
        return f"The {self.upstream} service could not be asked ({self.reason}). Nothing was changed; try again."


@dataclass
class InvalidCursor(Exception):
    """A cursor that no listing of ours gave."""

    def __str__(self) -> str:
        return "The cursor is not one that this listing gave. Start again without one."


@dataclass
class IdempotencyKeyReused(Exception):
    """The key was used for another request."""

    idempotency_key: str

    def __str__(self) -> str:
        return f"Idempotency-Key {self.idempotency_key!r} was used with another body before. Use a new key for a new request."


SHARED_RULES: dict[type[Exception], Rule] = {
    NotFound: Rule("not-found", 404, "Not found"),
    UpstreamUnavailable: Rule("upstream-unavailable", 503, "A service did not answer", retry_after_seconds=2),
    InvalidCursor: Rule("invalid-cursor", 422, "The cursor cannot be used"),
    Busy: Rule("busy", 503, "Busy", retry_after_seconds=1),
    IdempotencyKeyReused: Rule("idempotency-key-reused", 422, "The Idempotency-Key belongs to another request"),
}


class _ProblemJson(JSONResponse):
    """JSON of whatever a caller sent: half a surrogate pair, which UTF-8 cannot say, is echoed as a question mark."""

    media_type = PROBLEM_JSON

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def problem_response(
    slug: str,
    status: int,
    title: str,
    detail: str,
    *,
    members: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The problem as a response; ``members`` are the numbers of the case."""
    body = Problem(
        type=f"urn:licensing:problem:{slug}",
        title=title,
        status=status,
        detail=detail,
        trace_id=current_trace().trace_id,
        **jsonable_encoder(members or {}),
    )
    return _ProblemJson(body.model_dump(), status_code=status, headers=dict(headers or {}))


def problem_of(error: Exception, rule: Rule) -> dict[str, Any]:
    """A domain exception as a problem's members, for where it is a part of an answer."""
    members: dict[str, Any] = {f.name: jsonable_encoder(getattr(error, f.name)) for f in fields(error)} if is_dataclass(error) else {}
    said = {"type": f"urn:licensing:problem:{rule.slug}", "title": rule.title, "status": rule.status, "detail": str(error)}
    return {**said, "trace_id": current_trace().trace_id, **rule.members, **members}


def respond(error: Exception, rule: Rule) -> JSONResponse:
    """A domain exception as its problem."""
    members: dict[str, Any] = {f.name: getattr(error, f.name) for f in fields(error)} if is_dataclass(error) else {}
    headers = {"Retry-After": str(rule.retry_after_seconds)} if rule.retry_after_seconds else {}
    return problem_response(rule.slug, rule.status, rule.title, str(error), members={**rule.members, **members}, headers=headers)


def _clip(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]}… ({len(text)} characters)"


def _where(location: Sequence[object]) -> str:
    return ".".join(str(part) for part in location)


async def _invalid_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    listed = [{"where": _where(e["loc"])[:200], "message": e["msg"], "given": _clip(e.get("input"))} for e in found[:_MOST_ERRORS]]
    first = listed[0]
    detail = f"{len(found)} fault{'s' if len(found) != 1 else ''} in the request; the first: {first['where']}: {first['message']}."
    return problem_response(
        "invalid-request", 422, "The request cannot be understood", detail, members={"errors": listed, "errors_total": len(found)}
    )


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    slug = _SLUGS.get(error.status_code, "invalid-request" if error.status_code < 500 else "internal-error")
    detail = f"{request.method} {request.url.path[:200]}: {_UNREADABLE.get(error.detail, error.detail)}"
    if error.status_code == 400:  # the framework's word for some contents that cannot be read; for all others it says 422, and so do we
        return problem_response(slug, 422, "The request cannot be understood", detail, headers=error.headers)
    return problem_response(slug, error.status_code, error.detail, detail, headers=error.headers)


async def _broken_off(request: Request, _error: Exception) -> JSONResponse:
    """Nobody hears it; but it is no failure of ours, and is counted as what it is."""
    detail = f"{request.method} {request.url.path[:200]}: the body broke off. Nothing was done."
    return problem_response("invalid-request", 422, "The request cannot be understood", detail)


def install_problems(app: FastAPI, table: ProblemTable) -> None:
    """Make every exception of the table, and the framework's own, leave as a problem."""

    def handler_of(rule: Rule) -> Any:
        async def handle(_request: Request, error: Exception) -> JSONResponse:
            return respond(error, rule)

        return handle

    for kind, rule in table.rules.items():
        app.add_exception_handler(kind, handler_of(rule))
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _broken_off)
